/**
 * How far requests are decided, and what became of each.
 *
 * Locks: the position first of all, so that of two processes that decide the same slice the later one waits here.
 */
import { bigint, json, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"

export const position = kindTable("position", {
  table: "request_position",
  key: ["log", "partition"],
  fields: { log: text("log"), partition: bigint("partition"), next: bigint("next") },
})

export const verdict = kindTable("verdict", {
  table: "request_verdict",
  key: ["requestId"],
  // A verdict is never changed.
  fixed: ["outcome"],
  fields: { requestId: text("request_id"), outcome: json("outcome") },
})
