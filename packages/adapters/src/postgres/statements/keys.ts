/**
 * Keys of tables: how they are matched, sorted and handed over.
 */
import type { Key } from "@holdfast/core/ports"
import type { ColumnType } from "../session/text.ts"
import type { RowColumn } from "./template.ts"

export interface KeyColumn {
  readonly name: string
  readonly type: ColumnType
}

/** The parts of keys as columns of rows. */
export const keyParts = (key: ReadonlyArray<KeyColumn>): ReadonlyArray<RowColumn<Key>> =>
  key.map(({ name, type }, index) => ({ name, type, get: (parts) => parts[index] }))

/** Text sorts by its bytes, as the core sorts it. */
export const inOrder = (alias: string, key: ReadonlyArray<KeyColumn>): string =>
  key.map(({ name, type }) => `${alias}.${name}${type === "text" ? ' collate "C"' : ""}`).join(", ")

export const matching = (left: string, right: string, key: ReadonlyArray<KeyColumn>): string =>
  key.map(({ name }) => `${left}.${name} = ${right}.${name}`).join(" and ")
