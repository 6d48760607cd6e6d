import {
  type CouponsShape,
  type OrdersShape,
  type PointsShape,
  type PopularityShape,
  type Refusal,
  refusals,
  type StockShape,
  type Unavailable,
  unavailabilities,
} from "@holdfast/core"
import { Arbitrary, Effect, Schema } from "effect"
import { describe, expect, expectTypeOf, it } from "vitest"
import type {
  accountReasons,
  anyReason,
  cancelReasons,
  chargeReasons,
  couponReasons,
  issueReasons,
  orderReasons,
  placeReasons,
  productReasons,
  requestedReasons,
  requestReasons,
} from "../src/contract/reasons.ts"
import { refusalSchemas, type unavailableSchemas } from "../src/contract/refusals.ts"
import { coreProblems, reasons, rowOf } from "../src/problems/codes.ts"
import { detailOf } from "../src/problems/details.ts"
import { titles } from "../src/problems/titles.ts"

describe("the table of problems", () => {
  it("given a no of the core without a status or a title, does not compile", () => {
    const { CouponsSoldOut: _, ...withoutOne } = coreProblems
    // @ts-expect-error a refusal without a status
    const forgotten: typeof coreProblems = withoutOne
    const { CouponsSoldOut: __, ...untitled } = titles
    // @ts-expect-error a refusal without a title
    const nameless: typeof titles = untitled
    expect([forgotten, nameless]).toHaveLength(2)
  })

  it("given every no of the core, has its code with an error's status", () => {
    const codes = [...Object.values(refusals), ...Object.values(unavailabilities)].map(({ code }) => code)
    expect(Object.keys(coreProblems)).toEqual([...Object.keys(refusals), ...Object.keys(unavailabilities)])
    expect(reasons.slice(0, codes.length).map((reason) => rowOf(reason).code)).toEqual(codes)
    for (const reason of reasons) expect(rowOf(reason).status).toBeGreaterThanOrEqual(400)
  })
})

/** As JSON has it. */
type AsText<Value> = Value extends Date
  ? string
  : Value extends ReadonlyArray<infer Item>
    ? ReadonlyArray<AsText<Item>>
    : Value extends string | number | boolean
      ? Value
      : { readonly [Name in keyof Value]: AsText<Exclude<Value[Name], undefined>> }

/** The tags whose schema does not take what the core says, or does not know all of its fields. */
type Contradicted<Schemas, Noes extends { readonly _tag: string }> = {
  [Tag in keyof Schemas]: Schemas[Tag] extends { readonly Encoded: infer Encoded }
    ? AsText<Extract<Noes, { readonly _tag: Tag }>> extends Encoded
      ? Exclude<keyof Extract<Noes, { readonly _tag: Tag }>, keyof Encoded> extends never
        ? never
        : Tag
      : Tag
    : Tag
}[keyof Schemas]

/** What a call's types say it may be answered instead of success, and its endpoint does not. */
type Forgotten<Method, Reasons extends ReadonlyArray<unknown>> = Method extends (
  ...input: never
) => Effect.Effect<infer _, infer No>
  ? No extends { readonly _tag: infer Tag }
    ? Exclude<Tag, Reasons[number] | "JoinNotSupported">
    : never
  : never

describe("a refusal in Korean", () => {
  it("given any that an endpoint answers, has a sentence of its own with its numbers, not only the code's title", async () => {
    for (const [tag, schema] of Object.entries(refusalSchemas)) {
      const drawn = Arbitrary.schema(schema as unknown as Schema.Codec<Refusal>)
      for (const no of await Effect.runPromise(Arbitrary.sampleEffect(drawn, { count: 20, size: 5, seed: 1 }))) {
        const detail = detailOf(no, "ko")
        expect(detail, tag).not.toBe(titles[no._tag].ko)
        expect(detail, tag).not.toMatch(/undefined|\[object/)
      }
    }
  })
})

describe("the contract", () => {
  it("given a refusal of the core, has a schema for all of its fields", () => {
    expectTypeOf<Contradicted<typeof refusalSchemas, Refusal>>().toBeNever()
    expectTypeOf<Contradicted<typeof unavailableSchemas, Unavailable>>().toBeNever()
    // The check itself can fail.
    const { limit: _, ...fields } = refusalSchemas.CouponsSoldOut.fields
    const short = { CouponsSoldOut: Schema.Struct(fields) }
    expectTypeOf<Contradicted<typeof short, Refusal>>().toEqualTypeOf<"CouponsSoldOut">()
    const numeric = { CouponExpired: Schema.Struct({ ...refusalSchemas.CouponExpired.fields, expiredAt: Schema.Int }) }
    expectTypeOf<Contradicted<typeof numeric, Refusal>>().toEqualTypeOf<"CouponExpired">()
  })

  it("given a call that an endpoint makes, names every no that its types know", () => {
    expectTypeOf<Forgotten<PointsShape["balance"], typeof accountReasons>>().toBeNever()
    expectTypeOf<Forgotten<PointsShape["charge"], typeof chargeReasons>>().toBeNever()
    expectTypeOf<Forgotten<PointsShape["entries"], typeof accountReasons>>().toBeNever()
    expectTypeOf<Forgotten<CouponsShape["issue"], typeof issueReasons>>().toBeNever()
    expectTypeOf<Forgotten<CouponsShape["request"], typeof requestReasons>>().toBeNever()
    expectTypeOf<Forgotten<CouponsShape["requested"], typeof requestedReasons>>().toBeNever()
    expectTypeOf<Forgotten<CouponsShape["coupon"], typeof couponReasons>>().toBeNever()
    expectTypeOf<Forgotten<CouponsShape["ofAccount"], typeof anyReason>>().toBeNever()
    expectTypeOf<Forgotten<StockShape["product"], typeof productReasons>>().toBeNever()
    expectTypeOf<Forgotten<PopularityShape["top"], typeof anyReason>>().toBeNever()
    expectTypeOf<Forgotten<OrdersShape["place"], typeof placeReasons>>().toBeNever()
    expectTypeOf<Forgotten<OrdersShape["get"], typeof orderReasons>>().toBeNever()
    expectTypeOf<Forgotten<OrdersShape["cancel"], typeof cancelReasons>>().toBeNever()
    expectTypeOf<Forgotten<OrdersShape["ofAccount"], typeof anyReason>>().toBeNever()
    // The check itself can fail.
    expectTypeOf<Forgotten<PointsShape["charge"], typeof accountReasons>>().not.toBeNever()
  })
})
