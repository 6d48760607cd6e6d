/** Claims that wait beside the lanes, looked at from inside. */
import { Effect, Fiber } from "effect"
import { expect, it } from "vitest"
import { OwnerFilter } from "../../src/coupons/OwnerFilter.ts"
import { erased } from "../../src/decision/Command.ts"
import { issueCall } from "../../src/decision/couponCalls.ts"
import { type Pending, pendingOf, settle } from "../../src/engine/Pending.ts"
import { SealBuilder } from "../../src/engine/SealBuilder.ts"
import { Sealed } from "../../src/engine/Sealed.ts"
import { commandMaker, testAt } from "../../src/testing/suites/commands.ts"
import { CampaignId, Quantity } from "../../src/values.ts"

const campaignId = CampaignId.make("sale")

it("keeps no claims that have left while the store is frozen", () => {
  const frozen = { standing: () => Effect.never, owners: () => Effect.never, now: () => testAt, elapsed: () => 0 }
  const builder = new SealBuilder({ ...frozen, sealBytes: 1_024 })
  const owners = new OwnerFilter(new Uint8Array(64), [1, 2])
  builder.seals.set(campaignId, { campaignId, issued: Quantity.make(0), lastCommandId: undefined, owners })
  const sealed = new Sealed({ ...frozen, builder, isOpen: () => false, refuse: settle, handOver: () => {} }, 2)
  const serving = Effect.runFork(sealed.serve)
  const make = commandMaker()
  const claim = (n: number): Pending => {
    const command = erased(make(issueCall, { campaignId: "sale", accountId: `buyer-${n}` }))
    return pendingOf(command, () => {}, { endsAt: 1, sequence: n, lane: undefined, state: "queued", span: undefined })
  }
  for (let n = 0; n < 20_000; n++) {
    const pending = claim(n)
    expect(sealed.takes(pending)).toBe(true)
    // Its deadline passes.
    settle(pending, { _tag: "Repeated", answer: undefined })
  }
  expect(sealed.waiting).toBeLessThan(2_048)
  Effect.runFork(Fiber.interrupt(serving))
})
