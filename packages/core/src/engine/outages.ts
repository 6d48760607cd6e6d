/**
 * An outage of the store is one line in the log when it begins and one when it ends, whatever the traffic.
 *
 * It begins with the first call that is lost. It ends with a call of the same sort that is answered, once no other was lost for
 * a while: a network that loses every second packet is one outage, and so is a full disk, on which every read succeeds. What a
 * store rejects, and what is busy, was answered.
 */
import { Cause, Effect, Exit, type Scope } from "effect"
import type { StoreFault, StoreShape } from "../ports/index.ts"
import { Signal } from "./Signal.ts"

/** How long nothing may be lost before an outage is over. */
const settlingMillis = 5_000

/** What calls are for. A store that takes no changes may still be read; one that takes them can be read as well. */
type Sort = "reading" | "changing"

/** The calls of an outbox that change nothing. */
const outboxReads: ReadonlySet<string> = new Set(["claim", "parked", "depth"])
/** Those that wait for transactions of others, for as long as these take: that is told to whoever asked, and is no outage. */
const outboxWaits: ReadonlySet<string> = new Set(["register", "unregister"])

/** The same store, watched until the scope closes. What is done inside a transaction of the host is not: that is the host's. */
export const watchOutages = (store: StoreShape): Effect.Effect<StoreShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const watch = new OutageWatch()
    // An outage that is over is not left open in the log because the shop is stopped.
    yield* Effect.addFinalizer(() => watch.end)
    yield* Effect.forkScoped(watch.serve)
    const { archivedBefore } = store
    const parts: Partial<StoreShape> = {
      transact: (keys, decide, turn) =>
        Effect.suspend(() => {
          let sort: Sort = "reading"
          const sorted: typeof decide = (records) => {
            const decided = decide(records)
            sort = decided.changes === undefined ? "reading" : "changing"
            return decided
          }
          return watch.during(store.transact(keys, sorted, turn), () => sort)
        }),
      reads: withCalls(store.reads, (call) => watch.during(call, reading)),
      scan: (kind, after, limit) => watch.during(store.scan(kind, after, limit), reading),
      scanLog: (log, after, limit) => watch.during(store.scanLog(log, after, limit), reading),
      archivedBefore: archivedBefore && watch.during(archivedBefore, reading),
      outbox: withCalls(store.outbox, (call, name) =>
        outboxWaits.has(name) ? call : watch.during(call, outboxReads.has(name) ? reading : changing),
      ),
    }
    return withParts(store, (name) => Reflect.get(parts, name))
  })

const reading = (): Sort => "reading"
const changing = (): Sort => "changing"

/** The same calls, each with something around it. */
const withCalls = <Calls extends object>(
  calls: Calls,
  around: <A>(asked: Effect.Effect<A, StoreFault>, name: string) => Effect.Effect<A, StoreFault>,
): Calls =>
  withParts(calls, (name, call) =>
    typeof call === "function"
      ? (...input: ReadonlyArray<unknown>) => around(Reflect.apply(call, calls, input), name)
      : undefined,
  )

/** The same object with some of its parts replaced. An adapter may write it as a class: methods keep the object that is theirs. */
const withParts = <Of extends object>(of: Of, instead: (name: string, own: unknown) => unknown): Of => {
  const parts = namesOf(of).map((name) => {
    const own: unknown = Reflect.get(of, name)
    return [name, instead(name, own) ?? (typeof own === "function" ? own.bind(of) : own)] as const
  })
  // biome-ignore lint/plugin/casts: every name of it, each with what does the same
  return Object.fromEntries(parts) as Of
}

const namesOf = (of: object): ReadonlyArray<string> => {
  const above: unknown = Object.getPrototypeOf(of)
  const inherited = typeof above === "object" && above !== null && above !== Object.prototype ? namesOf(above) : []
  return [...inherited, ...Object.getOwnPropertyNames(of)].filter((name) => name !== "constructor")
}

interface Outage {
  readonly since: bigint
  readonly reason: string
  /** When a call was lost last. */
  lastAt: bigint
  /** What does not work, as far as is known. */
  readonly failing: Set<Sort>
  /** When it was first seen to work again; undefined while anything fails. */
  workedAt: bigint | undefined
}

class OutageWatch {
  #outage: Outage | undefined
  /** Counts lost calls, so that an answer is known to have been asked for after the last of them. */
  #losses = 0
  readonly #worked = new Signal()

  during<A>(asked: Effect.Effect<A, StoreFault>, sort: () => Sort): Effect.Effect<A, StoreFault> {
    return Effect.suspend(() => {
      const losses = this.#losses
      return Effect.onExit(asked, (exit) => {
        const reason = lossOf(exit)
        if (reason !== undefined) return this.#lost(sort(), reason)
        return this.#outage === undefined || losses < this.#losses || isInterrupted(exit)
          ? Effect.void
          : this.#answered(this.#outage, Exit.isSuccess(exit) ? sort() : "reading")
      })
    })
  }

  /** Ends outages that have settled. No timer runs while there is none. */
  get serve(): Effect.Effect<never> {
    return Effect.forever(
      Effect.clockWith((clock) => {
        if (this.#outage?.workedAt === undefined) return this.#worked.wait
        const settled = this.#outage.lastAt + BigInt(settlingMillis) * 1_000_000n
        const left = Number((settled - clock.monotonicTimeNanosUnsafe()) / 1_000_000n)
        return left > 0 ? Effect.sleep(left) : this.end
      }),
    )
  }

  /** Tells of an outage that is over, where there was one. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const outage = this.#outage
      if (outage?.workedAt === undefined) return Effect.void
      this.#outage = undefined
      const { since, lastAt, workedAt, reason } = outage
      const last = seconds(lastAt - since)
      return Effect.logWarning(
        `The store works again after ${seconds(workedAt - since)} s (last failure after ${last} s): ${reason}`,
      )
    })
  }

  #lost(sort: Sort, reason: string): Effect.Effect<void> {
    return Effect.clockWith((clock) => {
      const now = clock.monotonicTimeNanosUnsafe()
      this.#losses++
      if (this.#outage !== undefined) {
        this.#outage.lastAt = now
        this.#outage.failing.add(sort)
        this.#outage.workedAt = undefined
        return Effect.void
      }
      this.#outage = { since: now, reason, lastAt: now, failing: new Set([sort]), workedAt: undefined }
      return Effect.logWarning(`The store fails, and calls are tried again until their deadlines: ${reason}`)
    })
  }

  #answered({ failing }: Outage, sort: Sort): Effect.Effect<void> {
    failing.delete("reading")
    if (sort === "changing") failing.delete("changing")
    if (failing.size > 0) return Effect.void
    return Effect.clockWith((clock) =>
      Effect.sync(() => {
        if (this.#outage === undefined || this.#outage.workedAt !== undefined) return
        this.#outage.workedAt = clock.monotonicTimeNanosUnsafe()
        this.#worked.notify()
      }),
    )
  }
}

/** Why a call was lost; undefined where it was answered in any way, or given up. */
const lossOf = (exit: Exit.Exit<unknown, StoreFault>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  for (const reason of exit.cause.reasons) {
    if (Cause.isFailReason(reason)) return reason.error._tag === "Lost" ? reason.error.reason : undefined
  }
  // A defect of an adapter may be anything, and is treated as a lost reply.
  return Cause.hasDies(exit.cause) ? "it threw an error" : undefined
}

const isInterrupted = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)

const seconds = (nanos: bigint): string => (Number(nanos / 1_000_000n) / 1_000).toFixed(1)
