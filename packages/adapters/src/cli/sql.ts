import { inboxSql } from "../kafka/inboxSql.ts"
import { postgresSql } from "../postgres/schema/migrate.ts"
import type { Options } from "./arguments.ts"

/** `holdfast sql`: one transaction, which leaves the schema as `holdfast migrate` does. With `--inbox`, that of an inbox. */
export const printSql = ({ schema, after, inbox }: Options): Promise<boolean> => {
  process.stdout.write(inbox === true ? inboxSql({ schema }) : postgresSql({ schema, after }))
  return Promise.resolve(true)
}
