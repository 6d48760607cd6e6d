/**
 * `@holdfast/adapters/postgres`: the store on a PostgreSQL server. Needs `@effect/sql-pg`.
 */
import type { Store, StoreFault } from "@holdfast/core"
import type { Layer } from "effect"
import { type PostgresOptions, PostgresStore } from "./PostgresStore.ts"

/** The PostgreSQL store as an option of a shop. */
export const postgres = (
  options: PostgresOptions,
): { readonly name: string; readonly layer: Layer.Layer<Store, StoreFault> } => ({
  name: PostgresStore.guarantees.name,
  layer: PostgresStore.layer(options),
})

export type { JoinableClient } from "./joined.ts"
export { type MigrateMode, type PostgresSqlOptions, postgresSql } from "./migrate.ts"
export { type PostgresOptions, PostgresStore } from "./PostgresStore.ts"
