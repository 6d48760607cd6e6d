/**
 * `@holdfast/adapters/pglite`: the store on PostgreSQL inside this process. Needs `@electric-sql/pglite` and
 * `@effect/sql-pg`.
 */
import type { Store, StoreFault } from "@holdfast/core/ports"
import type { Layer } from "effect"
import type { PgliteOptions } from "./options.ts"
import { PgliteStore } from "./PgliteStore.ts"

/** The PGlite store as an option of a shop. */
export const pglite = (
  options: PgliteOptions = {},
): { readonly name: string; readonly layer: Layer.Layer<Store, StoreFault> } => ({
  name: PgliteStore.guarantees.name,
  layer: PgliteStore.layer(options),
})

export type { Archived, RetentionOptions } from "../postgres/archiveOn.ts"
export { type ArchiveDatabaseOptions, type ArchiveDirOptions, type ArchiveOptions, archive } from "./archive.ts"
export type { PgliteOptions } from "./options.ts"
export { PgliteStore } from "./PgliteStore.ts"
