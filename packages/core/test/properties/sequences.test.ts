/**
 * Any sequence of calls on the plain store: after every one of them, every promise of the domain is kept.
 */
import { Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { runAudit } from "../../src/audit/runAudit.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { check } from "./support/check.ts"
import { misheard, unlawful } from "./support/lawful.ts"
import { look } from "./support/look.ts"
import { endOf, newStore, play } from "./support/play.ts"
import { broken } from "./support/recount.ts"
import { anyStep, calls, hourMillis } from "./support/steps.ts"

// Without bias: small sequences of equal steps meet less than large ones of different steps.
const steps = fc.noBias(fc.array(anyStep, { minLength: 1, maxLength: 100, size: "max" }))

describe("whatever is called in whatever order", () => {
  const accepted = new Set<string>()
  const ended = new Set<string>()

  it("every promise is kept after every call, history is never rewritten, and the audit is clean", async () => {
    await check(
      300,
      fc.asyncProperty(steps, async (each) => {
        let before = Effect.runSync(look(newStore()))
        const { store } = play(each, (current, command, decision, step) => {
          const after = Effect.runSync(look(current))
          const wrong = [...unlawful(before, after, command, decision), ...misheard(step, decision), ...broken(after)]
          expect(wrong).toEqual([])
          before = after
          if (decision._tag === "Accepted") accepted.add(command.operation.name)
          ended.add(endOf(decision))
        })
        const report = await Effect.runPromise(runAudit(store, { asOf: testAt + 1_000 * hourMillis }))
        expect(report.checks.filter(({ violations, unsettled }) => violations + unsettled > 0)).toEqual([])
      }),
    )
  })

  // A counterexample that is replayed alone reaches little.
  const whole = process.env.HOLDFAST_PATH === undefined

  it.runIf(whole)("the sequences reach every operation, and nearly every refusal of a well-formed call", () => {
    expect(calls.size).toBe(22)
    expect([...calls.keys()].filter((name) => !accepted.has(name))).toEqual([])
    expect([...ended].sort()).toEqual(expect.arrayContaining(tellingEnds))
  })
})

// Left out are those that such small numbers cannot reach (AmountTooLarge) and those of malformed input.
const tellingEnds = [
  "Accepted",
  "AccountAlreadyExists",
  "AccountNotEmpty",
  "AccountNotFound",
  "AccountNotOpen",
  "BalanceLimitExceeded",
  "CampaignAlreadyExists",
  "CampaignNotFound",
  "CampaignNotOpen",
  "CouponAlreadyIssued",
  "CouponExpired",
  "CouponMinimumNotMet",
  "CouponNotFound",
  "CouponNotUsable",
  "CouponsSoldOut",
  "Expired",
  "IdempotencyKeyReused",
  "LimitBelowIssued",
  "OrderAlreadyCancelled",
  "OrderAlreadyCompleted",
  "OrderNotFound",
  "OutOfStock",
  "OutsideIssueWindow",
  "PointsNotEnough",
  "PriceChanged",
  "ProductAlreadyExists",
  "ProductNotFound",
  "ProductRetired",
  "Recalled",
  "Repeated",
]
