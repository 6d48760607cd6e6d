/**
 * What the engine asks of seals: to keep a claim that its campaign refuses from the lanes, and to tell whoever only asks.
 */
import { Effect, type Scope } from "effect"
import type { Command, Decision } from "../decision/Command.ts"
import type { SharedCacheShape, StoreShape } from "../ports/index.ts"
import type { Refusal } from "../refusals.ts"
import { letGo, type Outcome, type Pending, pendingOf, settle } from "./Pending.ts"
import { defaultSealBytes, SealBuilder } from "./SealBuilder.ts"
import { Sealed } from "./Sealed.ts"

export interface SealsOptions {
  /** The most bytes of all seals. Default 16 MiB. */
  readonly sealBytes: number | undefined
  /** Where processes share their seals. */
  readonly cache: SharedCacheShape | undefined
  readonly now: () => number
  /** Milliseconds of a clock that only runs forward. */
  readonly elapsed: () => number
  /** Whether an earlier call of this command may still commit. */
  readonly isOpen: (command: Command) => boolean
  /** Answers a claim that waits for the lanes with its refusal. */
  readonly refuse: (pending: Pending, outcome: Outcome) => void
  /** Gives a claim that no seal refuses to the lanes. */
  readonly handOver: (pending: Pending) => void
}

/** What a seal refuses a claim with before anything of it is stored. */
export type SealedRefusal = Refusal<"CouponsSoldOut" | "OutsideIssueWindow">

/**
 * How long a call of this deadline may wait for what a seal says, in milliseconds. It goes on without it: to the request log,
 * which may answer while the store is frozen, and which must have most of the deadline.
 */
export const lookMillisOf = (deadlineMillis: number): number => Math.min(100, Math.floor(deadlineMillis / 2))

/** Stands for the answer of a claim that no seal refuses: whoever asked for it goes on. */
const notRefused: Outcome = { _tag: "Repeated", answer: undefined }

// What a paused campaign says now need not be what it says when the request is decided.
const refusalBySeal = (outcome: Outcome): SealedRefusal | undefined =>
  outcome._tag === "Refused" &&
  (outcome.refusal._tag === "CouponsSoldOut" || outcome.refusal._tag === "OutsideIssueWindow")
    ? outcome.refusal
    : undefined

export class Seals {
  readonly #builder: SealBuilder
  /** Claims that would go to the lanes. */
  readonly #claims: Sealed
  /** Those who only ask: nothing of theirs waits for the lanes. */
  readonly #asked: Sealed
  /** What they wait for: a stop ends the fiber that would have answered. */
  readonly #asking = new Set<Pending>()
  /** A look that somebody has waited for too long: as long as it is under way nobody else does. */
  #lateLook: object | undefined
  #isStopped = false

  /** Undefined where the store does not say how a campaign stands, or who its owners are. */
  static on({ reads: { standing, owners } }: StoreShape, options: SealsOptions): Seals | undefined {
    return standing === undefined || owners === undefined ? undefined : new Seals(standing, owners, options)
  }

  private constructor(
    standing: NonNullable<StoreShape["reads"]["standing"]>,
    owners: NonNullable<StoreShape["reads"]["owners"]>,
    { sealBytes = defaultSealBytes, cache, now, elapsed, isOpen, refuse, handOver }: SealsOptions,
  ) {
    this.#builder = new SealBuilder({ standing, owners, cache, sealBytes, now, elapsed })
    const seals = { standing, builder: this.#builder, now, elapsed, isOpen }
    this.#claims = new Sealed({ ...seals, refuse, handOver }, 2)
    this.#asked = new Sealed({ ...seals, refuse: settle, handOver: (pending) => settle(pending, notRefused) })
  }

  /** Builds seals and looks at campaigns, beside the lanes. */
  get serve(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.forEach([this.#builder, this.#claims, this.#asked], ({ serve }) => Effect.forkScoped(serve), {
      discard: true,
    })
  }

  /** Whether it refuses this claim or hands it over, so that the lanes need not be asked yet. */
  takes(pending: Pending): boolean {
    return this.#claims.takes(pending)
  }

  /** What the seal of its campaign refuses a claim with, after one look at the campaign. Undefined where that takes long. */
  refusalOf(claim: Command, sequence: number): Effect.Effect<SealedRefusal | undefined> {
    // Else a store that is frozen would be asked by ever more who have left by the time it answers.
    if (this.#lateLook !== undefined && this.#lateLook === this.#asked.lookUnderWay) return Effect.undefined
    return Effect.timeoutOrElse(this.#looked(claim, sequence), {
      duration: lookMillisOf(claim.deadline - claim.at),
      orElse: () => {
        this.#lateLook = this.#asked.lookUnderWay
        return Effect.undefined
      },
    })
  }

  #looked(claim: Command, sequence: number): Effect.Effect<SealedRefusal | undefined> {
    return Effect.callback((resume) => {
      const resolve = (outcome: Outcome): void => {
        this.#asking.delete(pending)
        resume(Effect.succeed(refusalBySeal(outcome)))
      }
      // Whoever asks goes on soon without an answer.
      const endsAt = Number.POSITIVE_INFINITY
      const pending = pendingOf(claim, resolve, { endsAt, sequence, lane: undefined, state: "queued", span: undefined })
      if (this.#isStopped || !this.#asked.takes(pending)) settle(pending, notRefused)
      else this.#asking.add(pending)
      return Effect.sync(() => {
        this.#asking.delete(pending)
        letGo(pending)
      })
    })
  }

  /** Hears how a command ended, which may say that its campaign refuses. */
  learn(command: Command, outcome: Outcome | Extract<Decision, { _tag: "Expired" }>): void {
    if (outcome._tag !== "Expired") this.#claims.learn(command, outcome)
  }

  /** Nothing is looked at any more. Whoever only asks goes on, and is told to be stopped where it goes. */
  stop(): void {
    this.#isStopped = true
    this.#claims.clear()
    this.#asked.clear()
    for (const pending of this.#asking) settle(pending, notRefused)
  }

  get metrics() {
    const { voided, refused, handedOver } = this.#claims.counts
    return {
      seals: this.#builder.seals.size,
      sealsBuilt: this.#builder.built,
      sealsVoided: voided,
      sealedRefusals: refused,
      sealedPassed: handedOver,
    }
  }
}

/** Where nothing is sealed. */
export const noSeals: Seals["metrics"] = {
  seals: 0,
  sealsBuilt: 0,
  sealsVoided: 0,
  sealedRefusals: 0,
  sealedPassed: 0,
}
