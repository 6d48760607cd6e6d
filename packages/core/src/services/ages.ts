/**
 * Reads whose callers say how old an answer may be. Whoever says nothing gets what is true now, from the store.
 */
import { Effect } from "effect"
import type { Aged, CachedRead } from "../cache/ReadCache.ts"
import type { Codec } from "../cache/SharedLevel.ts"
import type { InvalidInput } from "../refusals.ts"
import { quietly } from "../thrown.ts"
import type { Key, ProductId } from "../values.ts"
import type { KernelShape } from "./Kernel.ts"

export interface ReadOptions {
  /**
   * The oldest that the answer may be, in milliseconds: 0 to 3,600,000. Default 0: exact. What this process changed by calls
   * of `stock` that it answered, or whose `outcome` it told, is in the answer in any case. Orders and cancels are not: their
   * age alone bounds them, or nothing of a product that sells would ever be answered from memory.
   */
  readonly maxAgeMillis?: number | undefined
  /** Told how old the answer may be at most, before it is given. */
  readonly onAge?: ((ageMillis: number) => void) | undefined
}

const mostAgeMillis = 3_600_000

/** The answer of a read that is no older than the caller allows. */
export const aged = <A, E>(
  kernel: KernelShape,
  options: ReadOptions | undefined,
  asked: CachedRead<A, E>,
): Effect.Effect<Aged<A>, E | InvalidInput> =>
  Effect.suspend((): Effect.Effect<Aged<A>, E | InvalidInput> => {
    const maxAgeMillis = options?.maxAgeMillis ?? 0
    if (!isAge(maxAgeMillis)) return wrongAge
    const { cache } = kernel
    const read =
      cache === undefined || maxAgeMillis === 0
        ? Effect.map(asked.source, (value) => ({ value, ageMillis: 0 }))
        : cache.read(asked, maxAgeMillis)
    const onAge = options?.onAge
    return onAge === undefined
      ? read
      : Effect.tap(read, ({ ageMillis }) => Effect.sync(() => quietly(() => onAge(ageMillis))))
  })

/** The same at once, where it is kept in this process: for callers without an effect around them. */
export const agedInMemory = <A>({ cache }: KernelShape, options: ReadOptions | undefined, key: Key): A | undefined => {
  const { maxAgeMillis, onAge } = options ?? {}
  if (!isAge(maxAgeMillis)) return undefined
  const found = cache?.kept<A>(key, maxAgeMillis)
  if (found !== undefined && onAge !== undefined) quietly(() => onAge(found.ageMillis))
  return found?.value
}

const isAge = (millis: unknown): millis is number =>
  typeof millis === "number" && millis >= 0 && millis <= mostAgeMillis

const wrongAge = Effect.fail<InvalidInput>({
  _tag: "InvalidInput",
  issues: [{ pointer: "/maxAgeMillis", message: `must be a number from 0 to ${mostAgeMillis}` }],
})

/** What every list is kept under: a change of one product ends all of them. */
const lists = "list"

export const productKey = (productId: string) => ["product", productId] as const

export const listKey = (...parts: ReadonlyArray<string | number>) => [lists, ...parts] as const

/** Ends what is kept of a product that was changed. Answers what is left to do before the change is answered. */
export const dropProduct =
  (kernel: KernelShape) =>
  ({ productId }: { readonly productId: ProductId }): Effect.Effect<void> | undefined => {
    const { cache } = kernel
    const ofLists = cache?.dropAll(lists)
    const ofProduct = cache?.drop(productKey(productId))
    if (ofLists === undefined) return ofProduct
    return ofProduct === undefined || cache?.sharesProducts !== true
      ? ofLists
      : Effect.all([ofLists, ofProduct], atOnce)
  }

const atOnce = { concurrency: 2, discard: true } as const

/** Something of plain values, between processes. What has another shape than it should is no value. */
export const asJson = <A>(isOne: (value: unknown) => value is A): Codec<A> => ({
  encode: (value) => encoder.encode(JSON.stringify(value)),
  decode: (bytes) => {
    try {
      const value: unknown = JSON.parse(decoder.decode(bytes))
      return isOne(value) ? value : undefined
    } catch {
      return undefined
    }
  },
})

/** Whether something has these fields, each of its type. */
export const hasFields =
  <A extends object>(types: { readonly [Name in keyof A]: "string" | "number" | "boolean" | "object" }) =>
  (value: unknown): value is A =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(types).every(([name, type]) => typeof Reflect.get(value, name) === type)

export const isListOf =
  <A>(isOne: (value: unknown) => value is A) =>
  (value: unknown): value is ReadonlyArray<A> =>
    Array.isArray(value) && value.every(isOne)

const encoder = new TextEncoder()
const decoder = new TextDecoder()
