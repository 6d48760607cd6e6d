import { createHash } from "node:crypto"
import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Call, InputSchema, KeyFields } from "../../src/decision/call.ts"
import { calls } from "../../src/decision/calls.ts"
import { decide } from "../../src/decision/decide.ts"
import { fingerprintOf } from "../../src/decision/fingerprint.ts"
import { fold } from "../../src/decision/fold.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall } from "../../src/decision/pointsCalls.ts"
import type { Stored } from "../../src/decision/Receipt.ts"
import type { Refusal } from "../../src/refusals.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { inputs } from "../support/inputs.ts"
import { furnished, line, place } from "./world.ts"
import "../support/random.ts"

/** Canonical JSON, the slow and obvious way: keys sorted by UTF-16 units, absent fields left out. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`)
    .join(",")}}`
}

const charge = (
  amount: number,
  options: { readonly at?: number; readonly id?: string; readonly key?: string } = {},
) => {
  const world = furnished()
  return world.make(chargeCall, { accountId: "ada", amount, key: options.key ?? "k" }, options)
}

describe("a fingerprint", () => {
  it.each(calls.map((call) => [call.name, call] as const))(
    "of %s is canonical JSON of the intention, whatever valid input is given",
    (name, call) => {
      const { input, normalise, intention } = call as unknown as Call<InputSchema, unknown, unknown, Refusal>
      const decode = Schema.decodeUnknownSync(input as Schema.Codec<KeyFields, object>)
      let normalised = 0
      fc.assert(
        fc.property(inputs[name] ?? fc.constant({}), (typed) => {
          const request = normalise(decode(typed), { accounts: "opened-on-purpose" })
          // Fields that contradict each other are refused before there is an intention.
          if (typeof request === "object" && request !== null && "_tag" in request) return
          normalised += 1
          expect(JSON.stringify(intention(request))).toBe(canonical(intention(request)))
        }),
      )
      expect(normalised).toBeGreaterThan(10)
    },
  )

  it("up to 200 characters is the JSON itself, above that its SHA-256", () => {
    const of = (length: number): Stored => ({ note: "x".repeat(length - '{"note":""}'.length) })
    expect(fingerprintOf(of(200))).toBe(`v1:${JSON.stringify(of(200))}`)
    const long = of(201)
    expect(fingerprintOf(long)).toBe(`v1:sha256:${createHash("sha256").update(JSON.stringify(long)).digest("hex")}`)
    const korean = { note: "포인트".repeat(80) }
    const hash = createHash("sha256").update(JSON.stringify(korean), "utf8").digest("hex")
    expect(fingerprintOf(korean)).toBe(`v1:sha256:${hash}`)
  })

  it("is the same for the same order, however its lines are written", () => {
    const world = furnished()
    const of = (lines: (typeof placeCall.input.Encoded)["lines"], more: object = {}) =>
      world.make(placeCall, { accountId: "ada", lines, ...more }).fingerprint
    const tidy = of([line("cup", 1), line("tea", 3)])
    expect(of([line("tea", 1), line("cup", 1), line("tea", 2)])).toBe(tidy)
    expect(of([line("tea", 3), line("cup", 1)], { metadata: { note: "gift" } })).toBe(tidy)
    expect(of([line("tea", 3), line("cup", 1)], { campaignId: undefined, reference: undefined })).toBe(tidy)
    for (const other of [
      of([line("tea", 2), line("cup", 1)]),
      of([line("tea", 3, 1), line("cup", 1)]),
      of([line("tea", 3), line("cup", 1)], { reference: "r" }),
      of([line("tea", 3), line("cup", 1)], { expectedPaid: 1 }),
      of([line("tea", 3), line("cup", 1)], { campaignId: "spring" }),
    ]) {
      expect(other).not.toBe(tidy)
    }
  })

  it("knows neither the time nor the key nor the id", () => {
    const one = charge(5, { at: testAt, id: "x", key: "k" })
    const other = charge(5, { at: testAt + 999, id: "y", key: "l" })
    expect(one.fingerprint).toBe(other.fingerprint)
  })

  it("merges lines to the same order as adding them up by hand, in the order of bytes", () => {
    const ids = fc.constantFrom("a", "b", "\uffee", "😀", "é")
    fc.assert(
      fc.property(fc.array(fc.tuple(ids, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 30 }), (pairs) => {
        const sums = new Map<string, number>()
        for (const [id, quantity] of pairs) sums.set(id, (sums.get(id) ?? 0) + quantity)
        const { request } = furnished().make(placeCall, {
          accountId: "ada",
          lines: pairs.map(([id, n]) => line(id, n)),
        })
        const merged = (request as { readonly lines: ReadonlyArray<{ productId: string; quantity: number }> }).lines
        expect(merged.map(({ productId, quantity }) => [productId, quantity])).toEqual(
          Array.from(sums).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
        )
      }),
    )
  })
})

describe("a receipt", () => {
  it("of the very same command answers as its first answer, not as a replay", () => {
    const world = furnished()
    const command = world.make(chargeCall, { accountId: "ada", amount: 5, key: "k" })
    expect(world.decide(command)._tag).toBe("Accepted")
    expect(world.decide(command)).toMatchObject({ _tag: "Recalled", own: true, receipt: { answer: { amount: 5 } } })
    expect(world.get("account", "ada")?.balance).toBe(10_005)
  })

  it("of another command with the same intention answers as a replay", () => {
    const world = furnished()
    world.call(chargeCall, { accountId: "ada", amount: 5, key: "k" })
    expect(world.call(chargeCall, { accountId: "ada", amount: 5, key: "k" })).toMatchObject({
      _tag: "Recalled",
      own: false,
    })
  })

  it("of another intention refuses, and of another scope or operation is none of its business", () => {
    const world = furnished()
    world.call(chargeCall, { accountId: "ada", amount: 5, key: "k" })
    expect(world.call(chargeCall, { accountId: "ada", amount: 6, key: "k" })).toMatchObject({
      refusal: { _tag: "IdempotencyKeyReused", operation: "points.charge", key: "k" },
    })
    expect(world.call(chargeCall, { accountId: "ada", amount: 6, key: "k", scope: "theirs" })._tag).toBe("Accepted")
    expect(place(world, [line("tea", 1)], { key: "k" })._tag).toBe("Accepted")
  })

  it("answers an expired command, which is never decided any more", () => {
    const world = furnished()
    const command = world.make(chargeCall, { accountId: "ada", amount: 5, key: "k" }, { deadline: testAt + 10 })
    expect(decide(world.records, command, testAt + 11)).toEqual({ _tag: "Expired" })
    expect(world.decide(command, testAt + 10)._tag).toBe("Accepted")
    expect(decide(world.records, command, testAt + 11)).toMatchObject({ _tag: "Recalled", own: true })
  })

  it("is found by the next command of the same batch, under the same key in any scope", () => {
    const world = furnished()
    const ended = world.batch([
      world.make(chargeCall, { accountId: "ada", amount: 5, key: "k" }),
      world.make(chargeCall, { accountId: "ada", amount: 5, key: "k", scope: "theirs" }),
      world.make(chargeCall, { accountId: "ada", amount: 5, key: "k" }),
      world.make(chargeCall, { accountId: "ada", amount: 5, key: "k", scope: "theirs" }),
    ])
    expect(ended.map(({ _tag }) => _tag)).toEqual(["Accepted", "Accepted", "Recalled", "Recalled"])
    expect(world.get("account", "ada")?.balance).toBe(10_010)
  })

  it("is not left by a refusal: the same key may succeed later", () => {
    const world = furnished({ points: 0 })
    expect(place(world, [line("tea", 1)], { key: "k" })._tag).toBe("Refused")
    world.call(chargeCall, { accountId: "ada", amount: 100 })
    expect(place(world, [line("tea", 1)], { key: "k" })._tag).toBe("Accepted")
  })

  it("comes with exactly one event of the command's own id", () => {
    const world = furnished()
    const command = world.make(chargeCall, { accountId: "ada", amount: 5 })
    const { changes } = fold([command, command], world.records, testAt)
    expect(changes?.puts.receipt.map(({ after }) => after.commandId)).toEqual([command.id])
    expect(changes?.appends.event.map(({ id }) => id)).toEqual([command.id])
  })
})

describe("a rule that throws", () => {
  it("is its own command's defect: its neighbours are decided as if it were not there", () => {
    const world = furnished()
    const [one, odd, two] = [charge(1, { key: "a" }), charge(2, { key: "b" }), charge(3, { key: "c" })]
    const broken = {
      ...odd.operation,
      decide: () => {
        throw new Error("a bug of the rules")
      },
    }
    const ended = world.batch([one, { ...odd, id: "odd" as never, operation: broken }, { ...two, id: "two" as never }])
    expect(ended.map(({ _tag }) => _tag)).toEqual(["Accepted", "Defective", "Accepted"])
    expect(world.get("account", "ada")?.balance).toBe(10_004)
  })
})
