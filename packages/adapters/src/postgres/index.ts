/**
 * `@holdfast/adapters/postgres`: the store on a PostgreSQL server. Needs `@effect/sql-pg` for a `url`, and nothing for a
 * `pool` of the host.
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

export { type ArchiveOptions, type ArchivePoolOptions, type ArchiveUrlOptions, archive } from "./archive.ts"
export type { Archived, RetentionOptions } from "./archiveOn.ts"
export type { JoinableClient } from "./handles.ts"
export { type MigrateMode, type PostgresSqlOptions, postgresSql } from "./migrate.ts"
export {
  type PoolOptions,
  type PostgresOptions,
  PostgresStore,
  type SchemaOptions,
  type UrlOptions,
} from "./PostgresStore.ts"
export type { HostConnection, HostPool } from "./poolWire.ts"
