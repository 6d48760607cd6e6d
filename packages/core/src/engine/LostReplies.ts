/**
 * What a lost reply leaves open, and when a refusal after it is final.
 *
 * A reply that is lost says nothing about its request. The store may have done it, or not, or may do it later: a session on
 * a server outlives the connection of its client. So the same command, decided again, may be refused on what is true by
 * now and happen all the same. Before a command is decided again, the store therefore ends what it was sent before. Where
 * it cannot, acceptances and receipts still hold, because both tries write the same receipt and only one of them can. A
 * refusal does not hold then, and the outcome stays unknown.
 *
 * Keys of calls that ended like that are remembered for a while: the caller's next call under the same key, and the
 * question what became of the first, must not be answered as if nothing could happen any more.
 */
import { Effect } from "effect"
import type { Decision } from "../decision/Command.ts"
import type { StoreFault, StoreShape } from "../ports/index.ts"
import { keyText } from "../values.ts"
import { type CallKey, isOwnKey } from "./KeysInFlight.ts"
import type { Pending, Unsettled } from "./Pending.ts"

/**
 * How long after its deadline a call may still be done, as far as time alone can tell. Far longer than a store's sessions
 * wait for anything, and than clocks of machines that are kept in time are apart.
 */
export const afterDeadlineMillis = 60_000

/** The most keys that are remembered. Each is of a call that was on its way when a connection broke. */
const maxKeys = 16_384

/** What is known of the lost replies of a key. */
export type KeyState =
  /** This process knows of none. */
  | { readonly _tag: "None" }
  /** The store will do no more of what it was sent. */
  | { readonly _tag: "Settled" }
  /** It may, until a moment in milliseconds since 1970. */
  | { readonly _tag: "Open"; readonly until: number }

interface Entry {
  readonly unsettled: Unsettled | undefined
  /** When it is over, by the clock that callers have. */
  readonly until: number
  /** The same by a clock that only runs forward: the time of day may be corrected, and the store goes on all the same. */
  readonly endsAt: number
}

export class LostReplies {
  readonly #store: Pick<StoreShape, "settle">
  readonly #now: () => number
  readonly #elapsed: () => number
  readonly #entries = new Map<string, Entry>()

  constructor(store: Pick<StoreShape, "settle">, now: () => number, elapsed: () => number) {
    this.#store = store
    this.#now = now
    this.#elapsed = elapsed
  }

  /** A batch whose reply was lost. */
  lost(batch: ReadonlyArray<Pending>, { attempt }: Extract<StoreFault, { readonly _tag: "Lost" }>): void {
    if (attempt === "nothing") return
    for (const pending of batch) {
      pending.uncertain = true
      // What the store could not end before stays open, whatever it may be able to end now.
      if (pending.unsettled !== "unknown") pending.unsettled = attempt ?? "unknown"
    }
  }

  /** Ends what the store may still do of these commands, as far as it can. Comes before they are decided. */
  settle(batch: ReadonlyArray<Pending>): Effect.Effect<void, StoreFault> {
    if (this.#entries.size > 0) for (const pending of batch) this.#inherit(pending)
    const attempts = new Set<object>()
    for (const { unsettled } of batch) if (typeof unsettled === "object") attempts.add(unsettled)
    if (attempts.size === 0) return Effect.void
    return Effect.forEach(
      attempts,
      (attempt) =>
        Effect.map(this.#settleOne(attempt), (settled) => {
          for (const pending of batch) {
            if (pending.unsettled === attempt) pending.unsettled = settled ? undefined : "unknown"
          }
        }),
      { discard: true },
    )
  }

  /**
   * Whether a decision says less than it seems to: that nothing happened, while the store may still do what it was sent. Any
   * other one settles its command.
   */
  leavesOpen(pending: Pending, decision: Decision): boolean {
    if (pending.unsettled !== undefined && saysThatNothingHappened(decision)) return true
    pending.unsettled = undefined
    if (this.#entries.size > 0) this.#entries.delete(textOf(pending.command))
    return false
  }

  /** A command that came to its end, whatever its caller was told by then. Nobody can ask for a key that the engine made. */
  ended({ command, uncertain, unsettled }: Pending): void {
    if ((uncertain || unsettled !== undefined) && !isOwnKey(command)) {
      const now = this.#now()
      const over = Math.min(Math.max(command.deadline, now), now + command.deadline - command.at)
      const until = over + afterDeadlineMillis
      this.#remember(textOf(command), { unsettled, until, endsAt: this.#elapsed() + until - now })
    }
  }

  /** Whether there is room for what is certain, and only nobody was told: half of it is for what may still happen. */
  get hasRoom(): boolean {
    this.#forgetDownTo(maxKeys)
    return this.#entries.size < maxKeys / 2
  }

  /** Whether a key is remembered. */
  remembers(callKey: CallKey): boolean {
    return this.#entries.size > 0 && this.#find(textOf(callKey)) !== undefined
  }

  /** What is known of a key. Ends what the store may still do of it, where it can. */
  stateOf(callKey: CallKey): Effect.Effect<KeyState, StoreFault> {
    return Effect.suspend(() => {
      const text = textOf(callKey)
      const entry = this.#find(text)
      if (entry === undefined) return Effect.succeed<KeyState>({ _tag: "None" })
      const { unsettled } = entry
      const open: KeyState = { _tag: "Open", until: this.#untilOf(entry) }
      if (unsettled === undefined) return Effect.succeed<KeyState>({ _tag: "Settled" })
      if (unsettled === "unknown") return Effect.succeed<KeyState>(open)
      return Effect.map(this.#settleOne(unsettled), (settled): KeyState => {
        if (this.#entries.get(text) === entry) {
          this.#entries.set(text, { ...entry, unsettled: settled ? undefined : "unknown" })
        }
        return settled ? { _tag: "Settled" } : open
      })
    })
  }

  #settleOne(attempt: object): Effect.Effect<boolean, StoreFault> {
    const { settle } = this.#store
    if (settle === undefined) return Effect.succeed(false)
    // Only a store that is away is asked again.
    return Effect.catch(settle(attempt), (fault) =>
      fault._tag === "Lost" ? Effect.fail(fault) : Effect.succeed(false),
    )
  }

  #inherit(pending: Pending): void {
    if (pending.unsettled === undefined && !isOwnKey(pending.command)) {
      pending.unsettled = this.#find(textOf(pending.command))?.unsettled
    }
  }

  #find(text: string): Entry | undefined {
    const entry = this.#entries.get(text)
    return entry === undefined || entry.endsAt <= this.#elapsed() ? undefined : entry
  }

  // Where the time of day was put past it meanwhile, what is left is counted from now.
  #untilOf({ until, endsAt }: Entry): number {
    const now = this.#now()
    return now < until ? until : Math.ceil(now + endsAt - this.#elapsed())
  }

  #remember(text: string, entry: Entry): void {
    this.#entries.delete(text)
    this.#forgetDownTo(maxKeys - 1)
    this.#entries.set(text, entry)
  }

  // In the order in which they came, so those that time has settled are the first ones.
  #forgetDownTo(most: number): void {
    for (const [oldest, { endsAt }] of this.#entries) {
      if (endsAt > this.#elapsed() && this.#entries.size <= most) break
      this.#entries.delete(oldest)
    }
  }
}

/** A receipt of another intention stands where that of this command would have to be written: it cannot happen any more. */
export const saysThatNothingHappened = (decision: Decision): boolean =>
  decision._tag === "Expired" || (decision._tag === "Refused" && decision.refusal._tag !== "IdempotencyKeyReused")

const textOf = ({ scope, operation, key }: CallKey): string => keyText([scope, operation.name, key])
