/**
 * A connection: one session that is opened when it is first needed, dropped when it fails, and opened again with a pause that
 * grows, so that a server that comes back is not met by a storm.
 *
 * While the server is away calls fail at once, rather than waiting for a connection: whoever calls knows its own deadline.
 */

import type { StoreFault } from "@holdfast/core/ports"
import { Cause, Clock, Effect, Exit, Schedule, Scope, Semaphore } from "effect"
import { faultOf } from "./faults.ts"
import { attemptOf, type Failure, isLost, type Reply, type Statement, type Wire } from "./wire.ts"

/** Opens a session and closes it with its scope. */
export type OpenWire = Effect.Effect<Wire, Failure, Scope.Scope>

/** No frame takes longer: whatever a session waits for, the server gives up on sooner. */
const frameMillis = 15_000
const firstPauseMillis = 50
const longestPauseMillis = 1_000

interface Session {
  readonly wire: Wire
  readonly scope: Scope.Closeable
}

export class Connection {
  readonly #open: OpenWire
  /** Whether what stands alone is sent behind what others have sent, before that is answered. */
  readonly isShared: boolean
  readonly #lent: boolean
  readonly #opening = Semaphore.makeUnsafe(1)
  readonly #exclusive = Semaphore.makeUnsafe(1)
  #session: Session | undefined
  /** How many sessions it has opened so far. One that is lent again after it was given back whole is no other. */
  opened = 0
  #isGivenBack = false
  #closed = false
  /** By a clock that nobody sets: one that was set back would keep the server away for as long. */
  #retryAt = 0n
  #pauseMillis = firstPauseMillis
  #lastFailure: Failure | undefined

  constructor(open: OpenWire, shared: boolean, lent = false) {
    this.#open = open
    this.isShared = shared
    this.#lent = lent
  }

  /**
   * A connection that is closed with the scope. Where it is shared, what stands alone is sent behind what others have sent.
   * Where it is lent, its session is somebody else's and is given back after every use.
   */
  static readonly make = (
    open: OpenWire,
    shared = false,
    lent = false,
  ): Effect.Effect<Connection, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => new Connection(open, shared, lent)),
      (connection) => connection.close,
    )

  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /** Uses the session alone. A use that ends in the middle of something takes the session with it. */
  use<A>(run: (wire: Wire) => Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> {
    return this.#exclusive.withPermit(this.#run(run))
  }

  /** Uses the session for one whole transaction, behind what others have sent where it is shared. */
  follow<A>(run: (wire: Wire) => Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> {
    return this.isShared ? this.#run(run) : this.use(run)
  }

  #run<A>(run: (wire: Wire) => Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> {
    const used = Effect.flatMap(this.#ready, (session) =>
      Effect.onExit(run(this.#watched(session)), (exit) =>
        Exit.isFailure(exit) && !exit.cause.reasons.some((reason) => reason._tag === "Fail")
          ? this.#drop(session)
          : Effect.void,
      ),
    )
    // Whoever is interrupted may have been lent a session that moment, and has not begun to use it.
    return this.#lent ? Effect.ensuring(used, this.#giveBack) : used
  }

  /** One statement that stands alone, beside those of others where the session is shared. */
  ask(one: Statement): Effect.Effect<string | null, StoreFault> {
    const asked = this.isShared
      ? Effect.flatMap(this.#ready, (session) => this.#watched(session).run([one]))
      : this.use((wire) => wire.run([one]))
    return Effect.flatMap(asked, ({ values, failed }) => {
      if (failed === undefined) return Effect.succeed(values[0] ?? null)
      return Effect.fail(faultOf(failed.failure))
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#closed = true
      return this.#dropAny
    })
  }

  /** Opens the session now, or says why not. */
  get ready(): Effect.Effect<void, StoreFault> {
    return Effect.asVoid(this.#ready)
  }

  get #ready(): Effect.Effect<Session, StoreFault> {
    return Effect.suspend(() =>
      this.#session === undefined ? this.#opening.withPermit(this.#openSession) : Effect.succeed(this.#session),
    )
  }

  get #openSession(): Effect.Effect<Session, StoreFault> {
    // An interruption ends the opening, and never comes between what was opened and whoever will close it.
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        if (this.#session !== undefined) return this.#session
        if (this.#closed || (this.#lastFailure !== undefined && (yield* Clock.monotonicTimeNanos) < this.#retryAt)) {
          return yield* Effect.fail<StoreFault>(this.#away)
        }
        const scope = yield* Scope.make()
        const opened = yield* Effect.exit(restore(Scope.provide(this.#open, scope)))
        // The connection may have been closed meanwhile, and nobody would close this session.
        if (Exit.isSuccess(opened) && !this.#closed) {
          this.#session = { wire: opened.value, scope }
          if (!this.#isGivenBack) this.opened++
          this.#isGivenBack = false
          this.#lastFailure = undefined
          this.#pauseMillis = firstPauseMillis
          return this.#session
        }
        yield* Scope.close(scope, Exit.void)
        if (Exit.isSuccess(opened)) return yield* Effect.fail<StoreFault>(this.#away)
        // Whoever was in a hurry says nothing about the server.
        if (Cause.hasInterruptsOnly(opened.cause)) return yield* Effect.interrupt
        const reason = opened.cause.reasons.find((each) => each._tag === "Fail")
        this.#lastFailure = reason?.error ?? { code: undefined, message: "could not connect", cause: opened.cause }
        // An attempt may have taken long itself.
        this.#retryAt = (yield* Clock.monotonicTimeNanos) + BigInt(this.#pauseMillis) * 1_000_000n
        this.#pauseMillis = Math.min(this.#pauseMillis * 2, longestPauseMillis)
        return yield* Effect.fail<StoreFault>(this.#away)
      }),
    )
  }

  get #away(): StoreFault {
    const failure = this.#lastFailure
    return {
      _tag: "Lost",
      reason: failure === undefined ? "the store is closed" : `no connection: ${failure.message}`,
      cause: failure?.cause,
      attempt: "nothing",
    }
  }

  #drop(session: Session): Effect.Effect<void> {
    if (this.#session === session) this.#session = undefined
    return Scope.close(session.scope, Exit.void)
  }

  /** What is still here was neither lost nor left in the middle of something. */
  get #giveBack(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isGivenBack = this.#session !== undefined
      return this.#dropAny
    })
  }

  get #dropAny(): Effect.Effect<void> {
    return Effect.suspend(() => (this.#session === undefined ? Effect.void : this.#drop(this.#session)))
  }

  /** The session's wire, bounded in time and dropped when it is lost. */
  #watched(session: Session): Wire {
    const { wire } = session
    return {
      run: (frame, sent) =>
        Effect.flatMap(answeredWithin(frameMillis, wire.run(frame, sent)), (reply) => {
          const { failed } = reply
          if (failed === undefined || !isLost(failed.failure)) return Effect.succeed(reply)
          const failure = { ...failed.failure, attempt: attemptOf(failed.failure, wire) }
          return Effect.as(this.#drop(session), { ...reply, failed: { ...failed, failure } })
        }),
    }
  }
}

/** What became of a frame, or that it was not answered in so long. */
export const answeredWithin = (millis: number, sent: Effect.Effect<Reply>): Effect.Effect<Reply> =>
  Effect.timeoutOrElse(sent, { duration: millis, orElse: () => Effect.succeed(unanswered(millis)) })

const unanswered = (millis: number): Reply => ({
  values: [],
  failed: {
    index: 0,
    failure: { code: undefined, message: `no answer within ${millis / 1_000} s`, cause: undefined },
  },
})

/** The same wire, of which each statement has so long. Behind a frame that was not answered nothing is sent any more. */
export const answeringWithin = (millis: number, wire: Wire): Wire => {
  let isFrozen = false
  return {
    ...wire,
    run: (frame, sent) =>
      Effect.suspend(() => {
        const duration = millis * frame.length
        const freeze = Effect.sync(() => {
          isFrozen = true
          return unanswered(duration)
        })
        return isFrozen ? freeze : Effect.timeoutOrElse(wire.run(frame, sent), { duration, orElse: () => freeze })
      }),
  }
}

/**
 * How long a lost read is asked again: sessions that died while nobody used them are only noticed now, and one that was
 * cut off is back in a moment. A server that is away for longer is the caller's to wait for.
 */
const askAgain = Schedule.exponential("10 millis").pipe(Schedule.upTo({ duration: "500 millis" }))

/** Asks for something that changes nothing. */
export const ask = (connection: Connection, one: Statement): Effect.Effect<string | null, StoreFault> =>
  Effect.retry(connection.ask(one), { schedule: askAgain, while: ({ _tag }) => _tag === "Lost" })
