/** Changes of terms. A row is inserted with the change that it tells, behind its owner's, and never changed. */
import { bigint, json, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"

export const terms = kindTable("terms", {
  table: "terms",
  key: ["id", "of", "version"],
  fixed: ["counter", "before", "after", "commandId", "at"],
  fields: {
    id: text("id"),
    of: text("owner"),
    version: bigint("version"),
    counter: bigint("counter"),
    before: json("before"),
    after: json("after"),
    commandId: text("command_id"),
    at: bigint("at"),
  },
})
