/**
 * A command on its way through the engine, and how it may end.
 */
import type { Command, Decision } from "../decision/Command.ts"
import type { Unavailable } from "../refusals.ts"
import type { Caller } from "./traceparent.ts"

/** How a submitted command ended. Exactly one outcome is given to its resolver. */
export type Outcome =
  | Exclude<Decision, { readonly _tag: "Expired" }>
  | { readonly _tag: "Unavailable"; readonly unavailable: Unavailable }

/** What a store was sent of a command and may still do; `unknown` where it cannot say, or could not end it. */
export type Unsettled = object | "unknown"

/** A command and its time. */
export interface Timed {
  readonly command: Command
  /** When its time is over by a clock that only runs forward: the time of day may be set back meanwhile. */
  readonly endsAt: number
}

export interface Pending extends Timed {
  /** Answers its caller. */
  resolve: (outcome: Outcome) => void
  /** The order of admission. */
  readonly sequence: number
  /** The one lane that may take it; undefined where any may. */
  readonly lane: number | undefined
  /**
   * `waiting` for another command of the same key; `queued`; `taken` by a lane; `settled`: its resolver was called or
   * its caller has left.
   */
  state: "waiting" | "queued" | "taken" | "settled"
  /** Whether it stands in the metrics already: once, whatever becomes of its caller. */
  counted: boolean
  /** True from the first lost reply on, and once its deadline passed in a lane's hands: its caller knows nothing for certain. */
  uncertain: boolean
  /** What an earlier try, or an earlier call of its key, may still do. Then a decision that it shall not happen is not final. */
  unsettled: Unsettled | undefined
  /** Its neighbours in the list of everything admitted and not finished. */
  previous: Pending | undefined
  next: Pending | undefined
  /** What the span of its batch is linked to; undefined where nobody traces. */
  readonly span: Caller | undefined
  /** The next command in the same bucket of the keys in flight. */
  nextInBucket: Pending | undefined
}

/**
 * A command that has just come. Every field stands in the literal: with the fresh ones spread into it, making it took 0.17 µs
 * instead of 0.03 (Node 24, November 2026), and each call makes one.
 */
export const pendingOf = (
  command: Command,
  resolve: Pending["resolve"],
  { endsAt, sequence, lane, state, span }: Pick<Pending, "endsAt" | "sequence" | "lane" | "state" | "span">,
): Pending => ({
  command,
  endsAt,
  resolve,
  sequence,
  lane,
  state,
  counted: false,
  uncertain: false,
  unsettled: undefined,
  previous: undefined,
  next: undefined,
  span,
  nextInBucket: undefined,
})

/**
 * Everything admitted and not finished, in the order of admission. A list through the commands themselves: a `Set` with
 * this much coming and going cost a third of the engine's time in garbage collection.
 */
export class PendingList {
  #first: Pending | undefined
  #last: Pending | undefined
  size = 0

  get first(): Pending | undefined {
    return this.#first
  }

  add(pending: Pending): void {
    pending.previous = this.#last
    if (this.#last === undefined) this.#first = pending
    else this.#last.next = pending
    this.#last = pending
    this.size++
  }

  /** False where it is not in the list. */
  remove(pending: Pending): boolean {
    const { previous, next } = pending
    if (previous === undefined && this.#first !== pending) return false
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    pending.previous = undefined
    pending.next = undefined
    this.size--
    return true
  }

  /** A copy, so that commands may be removed while it is walked. */
  toArray(): Array<Pending> {
    return Array.from(this)
  }

  *[Symbol.iterator](): Generator<Pending> {
    for (let pending = this.#first; pending !== undefined; pending = pending.next) yield pending
  }
}

/** Answers the caller, once. */
export const settle = (pending: Pending, outcome: Outcome): void => {
  const { state, resolve } = pending
  letGo(pending)
  if (state !== "settled") resolve(outcome)
}

/**
 * Nobody waits for it any more. It keeps nothing of its caller: where it held the whole request until it was itself collected,
 * garbage collection took 20 µs of an order over HTTP instead of 5 (Node 24, November 2026).
 */
export const letGo = (pending: Pending): void => {
  pending.state = "settled"
  pending.resolve = nobody
}

const nobody = (): void => {}

/** When the time of a command is over that is handed over now, by the clock that only runs forward. */
export const endOf = ({ at, deadline }: Pick<Command, "at" | "deadline">, elapsed: number): number =>
  elapsed + (deadline - at)

/** How much time a command has left. A time of day that was set back since it was stamped gives it no more than it had. */
export const leftOf = ({ at, deadline }: Pick<Command, "at" | "deadline">, now: number): number =>
  Math.min(deadline - now, deadline - at)

/**
 * Whether the time of a command is over, by the time of day or by the clock that only runs forward. The one may be set back;
 * the other stands still while a machine is suspended, after which callers are long gone.
 */
export const isOver = ({ command, endsAt }: Timed, now: number, elapsed: number): boolean =>
  now > command.deadline || elapsed > endsAt

/** What there is to decide of it: one whose time is over stays so, whatever the time of day says. */
export const decidable = ({ command, endsAt }: Timed, elapsed: number): Command =>
  elapsed > endsAt ? { ...command, deadline: Number.NEGATIVE_INFINITY } : command

/** What is told of a command that was not decided in time, where nothing happened to it. */
export const tooLate = ({ deadline, at }: Command): Unavailable => ({
  _tag: "DeadlineExceeded",
  outcome: "nothing-happened",
  deadlineMillis: deadline - at,
})

/** What is told where nobody knows. */
export const unknown = (reason: string): Unavailable => ({ _tag: "StoreUnavailable", outcome: "unknown", reason })
