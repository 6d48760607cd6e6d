/**
 * Inputs as effect's own `Arbitrary` derives them from the schemas of the calls, and the same inputs gone wrong.
 */
import { Effect, Schema, SchemaAST } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import fc from "fast-check"
import type { InputSchema } from "../../../src/decision/call.ts"
import { maxAmount, maxOrderLines, maxOrderQuantity, maxPrice } from "../../../src/values.ts"
import { calls } from "./steps.ts"

/** Any JSON-like thing that a caller may have typed. */
export type Input = { readonly [field: string]: unknown }

const whole = (minimum: number, maximum: number) =>
  Schema.Number.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }))

const id = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(20), Schema.isPattern(/^[!-~]+$/))

/**
 * The numbers of our schemas are checked by a function, of which no generator can know that it wants whole numbers: nearly
 * everything it draws would be thrown away. So these fields are drawn in their range, and then decoded like all others.
 */
const drawn: { readonly [field: string]: Schema.Codec<unknown, unknown> } = {
  amount: whole(1, maxAmount),
  balanceLimit: whole(0, maxAmount),
  change: whole(-maxAmount, -1),
  quantity: whole(1, maxAmount),
  price: whole(0, maxPrice),
  onHand: whole(0, maxAmount),
  limit: whole(1, maxAmount),
  validDays: whole(1, 36_500),
  expectedPaid: whole(0, maxAmount),
  discount: Schema.Union([
    Schema.Struct({
      type: Schema.Literal("flat"),
      amount: whole(1, maxAmount),
      minTotal: Schema.optional(whole(0, 9)),
    }),
    Schema.Struct({ type: Schema.Literal("rate"), percent: whole(1, 100), max: Schema.optional(whole(1, maxAmount)) }),
  ]),
  lines: Schema.Array(
    Schema.Struct({
      productId: id,
      quantity: whole(1, maxOrderQuantity),
      unitPrice: Schema.optional(whole(0, maxPrice)),
    }),
  ).check(Schema.isMinLength(1), Schema.isMaxLength(maxOrderLines)),
  metadata: Schema.Record(Schema.String, Schema.Json),
}

type Fields = Readonly<Record<string, Schema.Codec<unknown, unknown>>>

const fieldsOf = (schema: InputSchema): Fields => (schema as unknown as { readonly fields: Fields }).fields

const drawable = (schema: InputSchema): Schema.Codec<unknown, unknown> =>
  Schema.Struct(
    Object.fromEntries(
      Object.entries(fieldsOf(schema)).map(([name, field]) => {
        const easier = drawn[name]
        if (easier === undefined) return [name, field]
        return [name, SchemaAST.isOptional(field.ast) ? Schema.optional(easier) : easier]
      }),
    ),
  ) as unknown as Schema.Codec<unknown, unknown>

const arbitraries = new Map(
  Array.from(calls, ([name, { input }]) => [name, Arbitrary.schema(drawable(input))] as const),
)

/** Deriving costs more than drawing, so a few inputs are drawn at once and one of them is taken. */
const sample = (name: string, seed: number): Input => {
  const arbitrary = arbitraries.get(name)
  if (arbitrary === undefined) throw new Error(`There is no call ${name}.`)
  const [input] = Effect.runSync(
    Arbitrary.sampleEffect(arbitrary, { count: 1, seed, size: 1 + (seed % 12), maxDiscards: 10_000 }),
  )
  return input as Input
}

/** Names of things that exist, so that not every call ends with "not found". */
const known: { readonly [field: string]: ReadonlyArray<string> } = {
  accountId: ["ada", "bob"],
  productId: ["cup", "tea"],
  campaignId: ["spring"],
  orderId: ["the order"],
}

/** Some of the ids made known ones, whole numbers made small: so that a call may also succeed. */
const familiar = (input: unknown, dice: () => number, field = ""): unknown => {
  const names = known[field]
  if (names !== undefined && typeof input === "string")
    return dice() < 0.8 ? names[Math.floor(dice() * names.length)] : input
  if (typeof input === "number") return dice() < 0.5 ? Math.sign(input) * (Math.abs(input) % 9 || 1) : input
  if (Array.isArray(input)) return input.map((each) => familiar(each, dice))
  return isPlain(input) && field !== "metadata"
    ? Object.fromEntries(
        Object.entries(input)
          .filter(([name]) => !demanding.has(name) || dice() < 0.4)
          .map(([name, value]) => [name, familiar(value, dice, name)]),
      )
    : input
}

/** Optional fields that ask for something to be just so. */
const demanding: ReadonlySet<string> = new Set(["unitPrice", "expectedPaid"])

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

export interface Drawn {
  readonly call: string
  readonly input: Input
}

/** A call with input that its schema accepts. */
export const validInput: fc.Arbitrary<Drawn> = fc
  .record({ call: fc.constantFrom(...calls.keys()), seed: fc.nat(), dice: fc.nat() })
  .map(({ call, seed, dice }) => ({ call, input: familiar(sample(call, seed), diceOf(dice)) as Input }))

const cycle: Record<string, unknown> = {}
cycle.itself = cycle

/** What nobody expects. None of it is an object that throws when it is looked at: that would be the caller's own error. */
const odd: ReadonlyArray<unknown> = [
  undefined,
  null,
  "",
  " ",
  "a\u0000b",
  "\ud800",
  "\u2028",
  "x".repeat(256),
  "\u{1f600}".repeat(33),
  "__proto__",
  "ada",
  0,
  -0,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1_000_000_000_000,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  -(2 ** 53),
  1n,
  true,
  [],
  [[]],
  Array.from({ length: 101 }, () => ({ productId: "tea", quantity: 1 })),
  {},
  { type: "flat" },
  { type: "rate", percent: 101 },
  cycle,
  new Map(),
  new Date(Number.NaN),
  new Date(8_640_000_000_000_000),
  Symbol("odd"),
  () => 1,
  Object.create(null),
  { toJSON: () => undefined },
  JSON.parse('{"__proto__": {"polluted": true}}'),
]

export const mutation = fc.record({
  where: fc.nat(),
  what: fc.constantFrom("replace", "replace", "remove", "add", "duplicate"),
  odd: fc.constantFrom(...odd),
})
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never

/** Changes a copy of something in one place, however deep. */
export const mutated = (value: unknown, { where, what, odd: other }: Mutation): unknown => {
  if (Array.isArray(value) && value.length > 0) {
    const at = where % value.length
    if (what === "duplicate") return [...value, value[at]]
    if (what === "remove") return value.toSpliced(at, 1)
    return value.with(at, mutated(value[at], { where: Math.floor(where / value.length), what, odd: other }))
  }
  // An earlier change may have put a cycle here, which is as deep as one likes.
  if (!isPlain(value) || value === cycle) return other
  const names = Object.keys(value)
  const at = names[where % (names.length + 1)]
  if (at === undefined) return what === "replace" ? other : { ...value, [`odd${where % 3}`]: other }
  if (what === "remove") return Object.fromEntries(Object.entries(value).filter(([name]) => name !== at))
  const deeper = { where: Math.floor(where / (names.length + 1)), what, odd: other }
  return { ...value, [at]: typeof value[at] === "object" ? mutated(value[at], deeper) : other }
}

const diceOf = (seed: number): (() => number) => {
  let state = seed | 1
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) / 16_777_216
  }
}
