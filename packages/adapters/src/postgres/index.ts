/**
 * `@holdfast/adapters/postgres`: the store on a PostgreSQL server. Needs `@effect/sql-pg` for a `url`, and nothing for a
 * `pool` of the host.
 */
import type { Store, StoreFault } from "@holdfast/core/ports"
import type { Layer } from "effect"
import type { PostgresOptions } from "./options.ts"
import { PostgresStore } from "./PostgresStore.ts"

/** The PostgreSQL store as an option of a shop. */
export const postgres = (
  options: PostgresOptions,
): { readonly name: string; readonly layer: Layer.Layer<Store, StoreFault> } => ({
  name: PostgresStore.guarantees.name,
  layer: PostgresStore.layer(options),
})

export { type ArchiveOptions, type ArchivePoolOptions, type ArchiveUrlOptions, archive } from "./archive.ts"
export type { Archived, RetentionOptions } from "./archiveOn.ts"
export type { JoinableClient } from "./connect/handles.ts"
export type { Pooler } from "./connect/nativeOpen.ts"
export type { HostConnection, HostPool } from "./connect/poolWire.ts"
export type { PoolOptions, PostgresOptions, SchemaOptions, UrlOptions } from "./options.ts"
export { PostgresStore } from "./PostgresStore.ts"
export { type PostgresRequestsOptions, postgresRequests } from "./requests.ts"
export { type MigrateMode, type PostgresSqlOptions, postgresSql } from "./schema/migrate.ts"
