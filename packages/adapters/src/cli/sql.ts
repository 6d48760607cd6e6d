import { postgresSql } from "../postgres/migrate.ts"
import type { Options } from "./arguments.ts"

/** `holdfast sql`: one transaction, which leaves the schema as `holdfast migrate` does. */
export const printSql = ({ schema, after }: Options): Promise<boolean> => {
  process.stdout.write(postgresSql({ schema, after }))
  return Promise.resolve(true)
}
