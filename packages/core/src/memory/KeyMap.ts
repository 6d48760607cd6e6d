/**
 * A map whose keys are tuples: one map inside the other, a level per part.
 *
 * Parts are never joined into one string, so nothing is built and hashed anew at each look-up, and no two keys can ever
 * share a text. Only for keys; order and history are the business of `Sorted` and `Lists`.
 */
import type { Key } from "../values.ts"

type Part = string | number

export class KeyMap<V> {
  readonly #leaves = new Map<Part, V>()
  // Most kinds have keys of one part and never need a second level.
  #branches: Map<Part, KeyMap<V>> | undefined

  get(key: Key): V | undefined {
    return this.#at(key)?.leaf(lastOf(key))
  }

  /** `get` for a key of one part. */
  leaf(part: Part): V | undefined {
    return this.#leaves.get(part)
  }

  /** What is under a first part: `branch(a)?.leaf(b)` is `get([a, b])` without a tuple. */
  branch(part: Part): KeyMap<V> | undefined {
    return this.#branches?.get(part)
  }

  set(key: Key, value: V): void {
    let node: KeyMap<V> = this
    for (let index = 0; index < key.length - 1; index++) node = node.#branchOrNew(key[index] ?? "")
    node.#leaves.set(lastOf(key), value)
  }

  delete(key: Key): void {
    const node = this.#at(key)
    if (node !== undefined) node.#leaves.delete(lastOf(key))
  }

  /** The map that holds the last part. */
  #at(key: Key): KeyMap<V> | undefined {
    let node: KeyMap<V> | undefined = this
    for (let index = 0; index < key.length - 1; index++) node = node?.branch(key[index] ?? "")
    return node
  }

  #branchOrNew(part: Part): KeyMap<V> {
    this.#branches ??= new Map()
    const existing = this.#branches.get(part)
    if (existing !== undefined) return existing
    const branch = new KeyMap<V>()
    this.#branches.set(part, branch)
    return branch
  }
}

const lastOf = (key: Key): Part => key[key.length - 1] ?? ""
