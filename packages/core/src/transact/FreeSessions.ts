/**
 * The sessions that no batch uses right now. The last one given back goes first, so that a spare one is opened late.
 */
import { Effect } from "effect"
import type { SessionSource } from "./Session.ts"
import type { Turn } from "./Turn.ts"

/** Every so many turns one is kept: a driver may let go of what was answered only when nothing is on its way. */
const turnsBetweenRests = 32

export class FreeSessions {
  readonly #free: Array<SessionSource>
  readonly #waiting: Array<(session: SessionSource) => void> = []
  /** By lane, where its last batch went that passed its turn. */
  readonly #lastOf = new Map<number, SessionSource>()
  #turns = 0

  constructor(sessions: ReadonlyArray<SessionSource>) {
    this.#free = Array.from(sessions).reverse()
  }

  /**
   * Uses a session alone until the end; with a turn, until everything is `sent`. The lane's next batch then goes down the
   * same session, behind this one, unless another one took the session before it.
   */
  use<A, E>(run: (session: SessionSource, sent: () => void) => Effect.Effect<A, E>, turn?: Turn): Effect.Effect<A, E> {
    let isMine = true
    const give = (session: SessionSource): void => {
      if (isMine) this.#give(session)
      isMine = false
    }
    return Effect.acquireUseRelease(
      this.#take(turn),
      (session) =>
        run(session, () => {
          if (turn === undefined || ++this.#turns % turnsBetweenRests === 0) return
          this.#lastOf.set(turn.lane, session)
          give(session)
          turn.pass()
        }),
      (session) => Effect.sync(() => give(session)),
    )
  }

  #take(turn: Turn | undefined): Effect.Effect<SessionSource> {
    return Effect.suspend(() => {
      const session = this.#freeOne(turn === undefined ? undefined : this.#lastOf.get(turn.lane))
      return session === undefined ? this.#wait : Effect.succeed(session)
    })
  }

  /** The wanted session where it is free, else the one that was given back last. */
  #freeOne(wanted: SessionSource | undefined): SessionSource | undefined {
    const index = wanted === undefined ? -1 : this.#free.indexOf(wanted)
    if (index < 0) return this.#free.pop()
    const [session] = this.#free.splice(index, 1)
    return session
  }

  readonly #wait: Effect.Effect<SessionSource> = Effect.callback<SessionSource>((resume) => {
    const take = (session: SessionSource): void => resume(Effect.succeed(session))
    this.#waiting.push(take)
    return Effect.sync(() => {
      const index = this.#waiting.indexOf(take)
      if (index >= 0) this.#waiting.splice(index, 1)
    })
  })

  // A waiter may run inside this call. So a session is given only once what its user sent stands in it.
  #give(session: SessionSource): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(session)
    else next(session)
  }
}
