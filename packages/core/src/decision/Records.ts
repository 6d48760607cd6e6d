/**
 * What a decision looks at: the current records of some keys.
 */
import { compareKeys, type Key, keyText } from "../values.ts"
import { type KeyPartsOf, type KindName, kindNames, kinds, mapKinds, type OfKind, type RecordOf } from "./kinds.ts"

/** Current records by kind and key; undefined where there is none. Never changed by a decision. */
export type Records = { readonly [K in KindName]: (...key: KeyPartsOf[K]) => RecordOf[K] | undefined }

/** Finds a record of any kind. */
export type Find = <K extends KindName>(kind: K, key: Key) => RecordOf[K] | undefined

/** Records out of one function that finds any of them. */
export const recordsBy = (find: Find): Records => {
  const byKind: object = Object.fromEntries(kindNames.map((kind) => [kind, (...key: Key) => find(kind, key)]))
  // biome-ignore lint/plugin/casts: each kind has its function, which takes the parts of that kind's key
  return byKind as Records
}

/** The record under a key, for whoever does not know its kind. */
export const find = <K extends KindName>(records: Records, kind: K, key: Key): RecordOf[K] | undefined => {
  // biome-ignore lint/plugin/casts: a key of this kind has the parts that its records are looked up by
  const lookUp = records[kind] as (...key: Key) => RecordOf[K] | undefined
  return lookUp(...key)
}

/** The keys that a decision needs, per kind: without duplicates, sorted by bytes, so that locks are taken in order. */
export interface Keys {
  readonly of: (kind: KindName) => ReadonlyArray<Key>
}

/** Records as an adapter loads them: of every kind, in any order, absent ones left out. */
export type Loaded = { readonly [K in KindName]: ReadonlyArray<RecordOf[K]> }

/** The loaded records of each kind, as {@link mapKinds} makes them. */
export interface LoadedOfKind extends OfKind {
  readonly made: ReadonlyArray<RecordOf[this["kind"]]>
}

/** Gives loaded records the form in which decisions look at them. */
export const recordsOf = (loaded: Loaded): Records => {
  const maps: { readonly [K in KindName]: ReadonlyMap<string, RecordOf[K]> } = mapKinds<MapOfKind>((kind) =>
    mapOf(kind, loaded[kind]),
  )
  return recordsBy((kind, key) => maps[kind].get(keyText(key)))
}

interface MapOfKind extends OfKind {
  readonly made: ReadonlyMap<string, RecordOf[this["kind"]]>
}

const mapOf = <K extends KindName>(kind: K, records: ReadonlyArray<RecordOf[K]>): ReadonlyMap<string, RecordOf[K]> =>
  new Map(records.map((record) => [keyText(kinds[kind].keyOf(record)), record]))

/** Collects keys; `of` sorts them when an adapter asks. A store that needs no keys costs nothing here. */
export const keysOf = (collect: (add: (kind: KindName, key: Key) => void) => void): Keys => {
  let sorted: ReadonlyMap<KindName, ReadonlyArray<Key>> | undefined
  return {
    of: (kind) => {
      sorted ??= sortedKeys(collect)
      return sorted.get(kind) ?? []
    },
  }
}

const sortedKeys = (collect: (add: (kind: KindName, key: Key) => void) => void) => {
  const collected = new Map<KindName, Map<string, Key>>()
  collect((kind, key) => {
    const ofKind = collected.get(kind) ?? new Map<string, Key>()
    collected.set(kind, ofKind.set(keyText(key), key))
  })
  return new Map(
    Array.from(collected, ([kind, ofKind]) => [kind, Array.from(ofKind.values()).sort(compareKeys)] as const),
  )
}
