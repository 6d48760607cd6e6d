/**
 * Coupon requests: accepted now, answered when they are stored; decided later in the order of their log.
 */
import { Effect, Result, type Scope } from "effect"
import { type Claim, placeOf, type Verdict } from "../coupons/Request.ts"
import { keysOf } from "../decision/Records.ts"
import { type RequestRefusal, refusalFrom } from "../decision/storedRefusal.ts"
import type { Engine } from "../engine/Engine.ts"
import { toldOf } from "../engine/faults.ts"
import { lookMillisOf } from "../engine/Seals.ts"
import type { LogFull, RequestLogShape, StoreFault, StoreShape } from "../ports/index.ts"
import type { Overloaded, RequestNotFound, StoreNo } from "../refusals.ts"
import type { RequestId } from "../values.ts"
import { type Ended, grouped, type TooMany } from "./grouped.ts"

/** What became of a request, or that it waits. */
type RequestOutcome =
  | { readonly state: "waiting" }
  | Extract<Verdict["outcome"], { readonly state: "issued" }>
  | { readonly state: "refused"; readonly refusal: RequestRefusal }

export interface RequestsShape {
  /** False for a shop without a log: it accepts nothing. */
  readonly isOffered: boolean
  /** What the seal of the campaign refuses now, so that nothing need be stored. Undefined where it does not or does not say. */
  readonly refusedNow: Engine["sealedRefusal"]
  /** Stores a claim, and answers when it is as durable as the log claims. */
  readonly accept: (claim: Claim) => Effect.Effect<RequestId, Overloaded | StoreNo>
  readonly outcomeOf: (requestId: RequestId) => Effect.Effect<RequestOutcome, RequestNotFound | Overloaded | StoreNo>
  readonly waiting: RequestLogShape["waiting"]
  /** Whether some claim that was stored, or is being stored, may be undecided. A log finds none by its key. */
  readonly mayWait: Effect.Effect<boolean, StoreFault>
}

/** Claims of one append, and ids of one look. */
const together = 500
/** Callers whose claim has not been sent to the log, or whose id has not been looked up. */
const mostWaiting = 10_000
const retryAfterMillis = 1_000

/** `log` is undefined for a shop without one: what was decided before is still found. */
export const makeRequests = (
  store: StoreShape,
  engine: Pick<Engine, "sealedRefusal">,
  log: RequestLogShape | undefined,
  deadlineMillis: number,
): Effect.Effect<RequestsShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    /** Callers who wait for their answer, and claims on their way to the log, whose callers may have left. */
    let asking = 0
    let appending = 0
    const append = yield* grouped({ together, waiting: mostWaiting }, (claims: ReadonlyArray<Claim>) =>
      log === undefined
        ? Effect.fail(noLog)
        : Effect.suspend(() => {
            appending = claims.length
            return Effect.ensuring(
              appendWhatFits(log, claims),
              Effect.sync(() => {
                appending = 0
              }),
            )
          }),
    )
    const look = yield* grouped({ together, waiting: mostWaiting }, (ids: ReadonlyArray<RequestId>) =>
      verdictsOf(store, ids),
    )
    const found = (requestId: RequestId) => Effect.mapError(look(requestId), (fault) => told(fault, "nothing-happened"))
    const isWaiting = (requestId: RequestId) =>
      log === undefined || placeOf(requestId) === undefined
        ? Effect.succeed(false)
        : Effect.mapError(log.holds(requestId), (fault) => toldOf(fault, "nothing-happened"))
    const waiting = log === undefined ? Effect.succeed(0) : log.waiting
    return {
      isOffered: log !== undefined,
      refusedNow: engine.sealedRefusal,
      accept: (claim) =>
        Effect.suspend(() => {
          asking++
          return append(claim)
        }).pipe(
          Effect.flatMap(Effect.fromResult),
          Effect.mapError((fault) => told(fault, "unknown")),
          // What is left of the deadline behind a look at the seal.
          Effect.timeoutOrElse({
            duration: deadlineMillis - lookMillisOf(deadlineMillis),
            orElse: () => Effect.fail(tooLate),
          }),
          Effect.ensuring(
            Effect.sync(() => {
              asking--
            }),
          ),
        ),
      outcomeOf: Effect.fnUntraced(function* (requestId) {
        const [verdict] = yield* found(requestId)
        if (verdict !== undefined) return decidedOf(verdict)
        if (yield* isWaiting(requestId)) return { state: "waiting" }
        // It may have been decided after the first look, and forgotten by its log.
        const [late] = yield* found(requestId)
        if (late !== undefined) return decidedOf(late)
        return yield* Effect.fail<RequestNotFound>({ _tag: "RequestNotFound", requestId })
      }),
      waiting,
      mayWait: Effect.suspend(() =>
        asking > 0 || appending > 0 ? Effect.succeed(true) : Effect.map(waiting, (count) => count > 0),
      ),
    }
  })

/**
 * A log takes all claims of an append or none, and only we know who asked together. So the first half of what it has no room
 * for is offered alone, then the first quarter: what is refused in the end is what follows the last claim that found room.
 */
const appendWhatFits = Effect.fnUntraced(function* (
  log: Pick<RequestLogShape, "append">,
  claims: ReadonlyArray<Claim>,
): Effect.fn.Return<ReadonlyArray<Result.Result<RequestId, StoreFault | LogFull>>> {
  const answers: Array<Result.Result<RequestId, StoreFault | LogFull>> = []
  let size = claims.length
  while (answers.length < claims.length) {
    const part = claims.slice(answers.length, answers.length + size)
    const appended = yield* Effect.result(log.append(part))
    if (Result.isSuccess(appended)) {
      // Otherwise the ids that follow would be those of other claims.
      if (appended.success.length !== part.length) return yield* Effect.die(new Error("A claim was not answered."))
      for (const id of appended.success) answers.push(Result.succeed(id))
    } else if (appended.failure._tag === "LogFull" && part.length > 1) size = Math.floor(part.length / 2)
    else for (const _ of claims.slice(answers.length)) answers.push(Result.fail(appended.failure))
  }
  return answers
})

/** Each in a list of its own, which is empty where the request is not decided. One snapshot, taken after all were asked. */
const verdictsOf = (
  store: Pick<StoreShape, "transact">,
  ids: ReadonlyArray<RequestId>,
): Effect.Effect<ReadonlyArray<ReadonlyArray<Verdict>>, StoreFault> => {
  const keys = keysOf((add) => {
    for (const id of ids) add("verdict", [id])
  })
  return store.transact(keys, (records) => {
    const answer = ids.map((id) => {
      const verdict = records.verdict(id)
      return verdict === undefined ? [] : [verdict]
    })
    return {
      answer,
      changes: undefined,
      restsOnRows: answer.some((verdicts) => verdicts.length > 0),
      again: () => undefined,
    }
  })
}

const decidedOf = ({ outcome }: Verdict): RequestOutcome =>
  outcome.state === "issued" ? outcome : { state: "refused", refusal: refusalFrom(outcome.refusal) }

const overloaded = (millis: number): Overloaded => ({
  _tag: "Overloaded",
  outcome: "nothing-happened",
  retryAfterMillis: millis,
})

const noLog: StoreFault = {
  _tag: "Rejected",
  reason: "this shop takes no coupon requests; pass `requests` to createHoldfast, such as inProcessRequests()",
}

const tooLate: StoreNo = {
  _tag: "StoreUnavailable",
  outcome: "unknown",
  reason: "the request log did not answer before the deadline",
}

const told = (
  fault: StoreFault | LogFull | TooMany | Ended,
  otherwise: "nothing-happened" | "unknown",
): Overloaded | StoreNo => {
  switch (fault._tag) {
    case "LogFull":
      return overloaded(fault.retryAfterMillis)
    case "TooMany":
      return overloaded(retryAfterMillis)
    case "Ended": {
      const outcome = fault.wasAsked ? otherwise : "nothing-happened"
      return { _tag: "StoreUnavailable", outcome, reason: "the shop was stopped" }
    }
    default:
      return toldOf(fault, otherwise)
  }
}
