/**
 * A process of a trial: fibers that share one end. When it ends, none of them does another step, nothing of theirs is
 * cleaned up, and whatever they had asked the store for goes on without them.
 *
 * It is a scheduler in front of the trial's own, so it can end between any two operations of its fibers, wherever they
 * are by then. What must outlive it (the store, the bus, the clients) runs on the trial's scheduler.
 */
import { type Context, Deferred, Effect, type Fiber, type Scheduler } from "effect"

/** Whoever calls the store, and may end before it is answered. */
export interface Caller {
  readonly died: Deferred.Deferred<void>
  readonly dead: boolean
  readonly end: () => void
}

/** A caller without fibers of its own: when it ends, nobody listens to its answers any more. */
export const newCaller = (): Caller => {
  const caller = {
    died: Deferred.makeUnsafe<void>(),
    dead: false,
    end: () => {
      caller.dead = true
      Deferred.doneUnsafe(caller.died, Effect.void)
    },
  }
  return caller
}

/** The trial itself: what runs there belongs to no process. */
export interface Outside {
  readonly services: Context.Context<never>
  readonly scheduler: Scheduler.Scheduler
}

export class Process implements Caller, Scheduler.Scheduler {
  readonly executionMode = "sync" as const
  readonly died = Deferred.makeUnsafe<void>()
  dead = false
  /** How many operations its fibers have done. */
  steps = 0
  readonly #outside: Outside
  readonly #ended: (() => void) | undefined
  #endsAt: number | undefined

  /** `endsAt` is the operation before which the process ends; `ended` is told when it comes to that. */
  constructor(outside: Outside, endsAt?: number, ended?: () => void) {
    this.#outside = outside
    this.#endsAt = endsAt
    this.#ended = ended
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    if (this.dead) return true
    if (++this.steps !== this.#endsAt) return this.#outside.scheduler.shouldYield(fiber)
    this.#ended?.()
    this.end()
    return true
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const dispatcher = this.#outside.scheduler.makeDispatcher()
    return {
      scheduleTask: (task, priority) => {
        if (!this.dead) dispatcher.scheduleTask(() => this.dead || task(), priority)
      },
      flush: () => dispatcher.flush(),
    }
  }

  end = (): void => {
    if (this.dead) return
    this.dead = true
    // In a turn of its own: whoever hears of it must not run on the stack of a fiber that is no more.
    this.#outside.scheduler.makeDispatcher().scheduleTask(() => Deferred.doneUnsafe(this.died, Effect.void), 0)
  }

  /** From now on it ends only on purpose: its scopes can be closed. */
  live(): void {
    this.#endsAt = undefined
  }

  /** Runs something in this process and waits for it; undefined where the process ends before it does. */
  run<A>(effect: Effect.Effect<A>): Effect.Effect<A | undefined> {
    return Effect.callback((resume) => {
      if (this.dead) return resume(Effect.succeed(undefined))
      const fiber = Effect.runForkWith(this.#outside.services)(effect, { scheduler: this })
      const forget = Effect.runForkWith(this.#outside.services)(Deferred.await(this.died)).addObserver(() =>
        resume(Effect.succeed(undefined)),
      )
      fiber.addObserver((exit) => {
        forget()
        resume(exit)
      })
    })
  }
}

/** Runs something on the trial's own scheduler, whoever asks: it goes on when the asker ends. */
export const runOutside = <A, E>({ services }: Outside, effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> =>
  Effect.runForkWith(services)(effect)
