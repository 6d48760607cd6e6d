/**
 * Claims of campaigns that refuse them, beside the lanes: one read of the campaign answers everybody who came while the
 * read before was under way.
 *
 * A campaign is sealed after the store has refused a claim because of it. From then on claims wait here, unless the seal
 * says that their account may own a coupon. Whatever the seal cannot refuse goes to the lanes: accounts that are unknown or
 * not open, keys that were used, a campaign that issues again. So every answer is one that the store alone could have
 * given; nothing is granted or reserved here, and a seal that is lost costs nothing but speed.
 */
import { Effect, Exit } from "effect"
import { isSealOf, refusalOf, type Seal } from "../coupons/Seal.ts"
import type { Command } from "../decision/Command.ts"
import type { Reads, Standing } from "../ports/index.ts"
import type { AccountId, CampaignId } from "../values.ts"
import { isOwnKey } from "./KeysInFlight.ts"
import { isOver, type Outcome, type Pending } from "./Pending.ts"
import type { SealBuilder } from "./SealBuilder.ts"
import { Signal } from "./Signal.ts"

/** The most claims of one read. */
const mostOfRead = 1_024
/** As many go together in any case: two reads would cost the store more than they take less long. */
const fewest = 128

export interface SealedContext {
  readonly standing: NonNullable<Reads["standing"]>
  readonly builder: SealBuilder
  readonly now: () => number
  /** Milliseconds of a clock that only runs forward. */
  readonly elapsed: () => number
  /** Whether a call of this key is remembered whose reply was lost: what it may still do is the store's to end. */
  readonly isOpen: (command: Command) => boolean
  /** Answers a claim that waited here. */
  readonly refuse: (pending: Pending, outcome: Outcome) => void
  /** Lets a claim wait for the lanes. */
  readonly handOver: (pending: Pending) => void
}

interface Waiting {
  readonly pending: Pending
  readonly accountId: AccountId
  readonly seal: Seal
}

export class Sealed {
  readonly #context: SealedContext
  readonly #waiting = new Map<CampaignId, Array<Waiting>>()
  /** One for each of those who look, notified when there may be something to look at. */
  readonly #signals: ReadonlyArray<Signal>
  /** How many claims are being looked at. */
  #inHand = 0
  /** Stands for the look at a campaign that is under way. */
  lookUnderWay: object | undefined
  /** Claims that were refused here, that were handed over, and seals that their campaign had left behind. */
  readonly counts = { refused: 0, handedOver: 0, voided: 0 }

  /** Where `looks` is two, the store answers one while the other one's claims are told. */
  constructor(context: SealedContext, looks: 1 | 2 = 1) {
    this.#context = context
    this.#signals = Array.from({ length: looks }, () => new Signal())
  }

  /** Lets a claim of a sealed campaign wait here. False for everything else. */
  takes(pending: Pending): boolean {
    const { builder, isOpen } = this.#context
    if (builder.seals.size === 0) return false
    const { operation, request } = pending.command
    const claim = operation.claim?.(request)
    if (claim === undefined) return false
    const seal = builder.seals.get(claim.campaignId)
    if (seal === undefined || seal.owners.mayHold(claim.accountId) || isOpen(pending.command)) return false
    const waiting = { pending, accountId: claim.accountId, seal }
    const others = this.#waiting.get(claim.campaignId)
    if (others === undefined) this.#waiting.set(claim.campaignId, [waiting])
    else if (others.push(waiting) % mostOfRead === 0) {
      // While a look takes long, as on a store that is frozen, deadlines pass: who has left is not to be kept until its end.
      this.#waiting.set(
        claim.campaignId,
        others.filter(({ pending: { state } }) => state === "queued"),
      )
    }
    this.#wake()
    return true
  }

  /** How many claims are kept for a look to come. */
  get waiting(): number {
    let all = 0
    for (const { length } of this.#waiting.values()) all += length
    return all
  }

  #wake(): void {
    const idle = this.#signals.find(({ isAwaited }) => isAwaited)
    if (idle !== undefined) idle.notify()
    // Who has just found nothing, but does not wait yet, must not fall asleep over it.
    else for (const signal of this.#signals) signal.notify()
  }

  /** What the store decided: the first refusal by a campaign has its seal built. */
  learn({ operation, request }: Command, outcome: Outcome): void {
    if (operation.claim === undefined || outcome._tag !== "Refused" || !isByCampaign(outcome.refusal._tag)) return
    this.#context.builder.want(operation.claim(request).campaignId)
  }

  clear(): void {
    this.#waiting.clear()
  }

  /** Answers what waits, campaign after campaign, again and again. */
  get serve(): Effect.Effect<never> {
    return Effect.raceAll(this.#signals.map((signal) => this.#serveOn(signal)))
  }

  #serveOn(signal: Signal): Effect.Effect<never> {
    return Effect.forever(
      Effect.suspend(() => {
        const [next] = this.#waiting
        if (next === undefined) return signal.wait
        const [campaignId, waiting] = next
        this.#waiting.delete(campaignId)
        const fair = this.#signals.length === 1 ? waiting.length : Math.ceil((waiting.length + this.#inHand) / 2)
        const most = Math.min(mostOfRead, Math.max(fewest, fair))
        // What is left comes behind the other campaigns.
        if (waiting.length > most) {
          this.#waiting.set(campaignId, waiting.splice(most))
          this.#wake()
        }
        this.#inHand += waiting.length
        return Effect.ensuring(
          this.#answer(campaignId, waiting),
          Effect.sync(() => {
            this.#inHand -= waiting.length
          }),
        )
      }),
    )
  }

  #answer(campaignId: CampaignId, all: ReadonlyArray<Waiting>): Effect.Effect<void> {
    const { builder, standing } = this.#context
    const seal = builder.seals.get(campaignId)
    const claims = all.filter(({ pending }) => pending.state === "queued")
    if (claims.length === 0) return Effect.void
    if (seal === undefined) return Effect.sync(() => this.#handOver(claims))
    const accountIds = Array.from(new Set(claims.map(({ accountId }) => accountId)))
    const keyed = claims.filter(({ pending }) => !isOwnKey(pending.command))
    const keys = keyed.map(({ pending: { command } }) => [command.scope, command.key] as const)
    // It begins only now, after all of these calls.
    const look = Effect.suspend(() => {
      this.lookUnderWay = {}
      return standing({ campaignId, accountIds, keys })
    })
    return Effect.map(Effect.exit(look), (exit) => {
      this.lookUnderWay = undefined
      if (Exit.isFailure(exit)) {
        // What was true on that connection may not be so on the next one.
        builder.forgetAll()
        return this.#handOver(claims)
      }
      if (!isSealOf(seal, exit.value)) {
        builder.forget(seal)
        this.counts.voided++
        return this.#handOver(claims)
      }
      const beyond = new Set<AccountId | Pending>()
      for (const index of exit.value.notOpen) beyond.add(accountIds[index] ?? noAccount)
      for (const index of exit.value.used) beyond.add(keyed[index]?.pending ?? noAccount)
      for (const claim of claims) this.#judge(claim, seal, exit.value, beyond)
    })
  }

  #judge(claim: Waiting, seal: Seal, { campaign }: Standing, beyond: ReadonlySet<AccountId | Pending>): void {
    const { pending, accountId } = claim
    if (pending.state !== "queued") return
    const isMine =
      claim.seal === seal &&
      !beyond.has(accountId) &&
      !beyond.has(pending) &&
      !isOver(pending, this.#context.now(), this.#context.elapsed())
    const refusal = isMine && campaign !== undefined ? refusalOf(campaign, accountId, pending.command) : undefined
    if (refusal === undefined) this.#handOver([claim])
    else {
      this.counts.refused++
      this.#context.refuse(pending, { _tag: "Refused", refusal })
    }
  }

  #handOver(claims: ReadonlyArray<Waiting>): void {
    for (const { pending } of claims) {
      if (pending.state !== "queued") continue
      this.counts.handedOver++
      this.#context.handOver(pending)
    }
  }
}

/** Stands for a place that was not asked for. */
// biome-ignore lint/plugin/casts: no id is empty
const noAccount = "" as AccountId

/** The refusals that a campaign alone gives, whoever claims. */
const isByCampaign = (tag: string): boolean =>
  tag === "CouponsSoldOut" || tag === "CampaignNotOpen" || tag === "OutsideIssueWindow"
