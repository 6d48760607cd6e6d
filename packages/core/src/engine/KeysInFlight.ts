/**
 * Which idempotency keys are in flight in this process: one command per key at a time, the others wait for it.
 *
 * A hash table whose entries are the commands themselves. A `Map` with this much coming and going kept so many dead
 * objects reachable from its discarded tables that garbage collection took a third of the engine's time.
 */
import type { Command } from "../decision/Command.ts"
import type { Pending } from "./Pending.ts"

/** What makes two commands repeats of each other. */
export interface CallKey extends Pick<Command, "scope" | "key"> {
  readonly operation: { readonly name: string }
}

/** Whether the engine made the key. Such keys are unique, and no caller knows them. */
export const isOwnKey = ({ key, id }: Pick<Command, "key" | "id">): boolean => key === String(id)

/** As many buckets as commands may usefully be in flight; more only make the lists in the buckets longer. */
const buckets = 4_096

export class KeysInFlight {
  readonly #buckets: Array<Pending | undefined> = new Array(buckets).fill(undefined)

  has(callKey: CallKey): boolean {
    return this.first(callKey) !== undefined
  }

  /** Adds a command; true where no other one of its key is in flight. */
  add(pending: Pending): boolean {
    const bucket = bucketOf(pending.command)
    let isFirst = true
    let last: Pending | undefined
    for (let other = this.#buckets[bucket]; other !== undefined; other = other.nextInBucket) {
      if (isSameKey(other.command, pending.command)) isFirst = false
      last = other
    }
    if (last === undefined) this.#buckets[bucket] = pending
    else last.nextInBucket = pending
    return isFirst
  }

  /** Removes a command, and answers the one that waited for it and may go now. */
  remove(pending: Pending): Pending | undefined {
    const bucket = bucketOf(pending.command)
    let before: Pending | undefined
    let next: Pending | undefined
    for (let other = this.#buckets[bucket]; other !== undefined; other = other.nextInBucket) {
      if (other !== pending) {
        if (next === undefined && isSameKey(other.command, pending.command)) next = other
        before = other
      } else if (before === undefined) this.#buckets[bucket] = pending.nextInBucket
      else before.nextInBucket = pending.nextInBucket
    }
    pending.nextInBucket = undefined
    // One that was withdrawn while it waited leaves the one that it waited for in flight.
    return next?.state === "waiting" ? next : undefined
  }

  /** The first of its key: the one in flight. */
  first(callKey: CallKey): Pending | undefined {
    for (let other = this.#buckets[bucketOf(callKey)]; other !== undefined; other = other.nextInBucket) {
      if (isSameKey(other.command, callKey)) return other
    }
    return undefined
  }
}

const isSameKey = (left: CallKey, right: CallKey): boolean =>
  left.key === right.key && left.scope === right.scope && left.operation.name === right.operation.name

const bucketOf = ({ key }: CallKey): number => {
  let hash = 0
  for (let index = 0; index < key.length; index++) hash = (hash * 31 + key.charCodeAt(index)) | 0
  return hash & (buckets - 1)
}
