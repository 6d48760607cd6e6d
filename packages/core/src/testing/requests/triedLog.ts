/**
 * A log on trial: each of its calls ends, what it hands out is compared with what was appended, and what it says waits is asked
 * until it is right.
 */
import { Effect } from "effect"
import type { Claim } from "../../coupons/Request.ts"
import type { Slice } from "../../decision/slice.ts"
import type { LogFull, RequestLogShape, StoreFault } from "../../ports/index.ts"
import type { RequestId } from "../../values.ts"
import { within } from "../kit/inTime.ts"
import type { KitBook } from "../kit/KitReport.ts"

/** What a trial waits for, and who is told. */
export interface Patience {
  /** How long nothing may move before what is missing counts as lost, and how long a call may take. */
  readonly settleMillis: number
  readonly book: KitBook
}

const pollMillis = 20

/** A part of a log or of its store that ends: where it has not in time, that is noted, and the trial ends. */
export const ended = <A, E, R>(
  what: string,
  call: Effect.Effect<A, E, R>,
  { settleMillis, book }: Patience,
): Effect.Effect<A, E, R> =>
  Effect.flatMap(within(call, settleMillis), (exit) => {
    if (exit !== undefined) return exit
    const message = `${what} had not ended after ${settleMillis} ms.`
    book.broken("REQ-07", message)
    return Effect.die(new Error(message))
  })

/** The same log, whose calls end. */
export const tried = (log: RequestLogShape, patience: Patience): RequestLogShape => ({
  guarantees: log.guarantees,
  append: (claims) =>
    ended(
      "`append`",
      Effect.suspend(() => log.append(claims)),
      patience,
    ),
  serve: (decide) => log.serve(decide),
  holds: (requestId) =>
    ended(
      "`holds`",
      Effect.suspend(() => log.holds(requestId)),
      patience,
    ),
  waiting: ended("`waiting`", log.waiting, patience),
})

/** Appends until the log takes it, for so long at most; undefined where it does not. */
export const taken = Effect.fnUntraced(function* (
  log: RequestLogShape,
  claims: ReadonlyArray<Claim>,
  { settleMillis, book }: Patience,
): Effect.fn.Return<ReadonlyArray<RequestId> | undefined> {
  let last: StoreFault | LogFull | undefined
  for (let waited = 0; waited < settleMillis; waited += pollMillis) {
    const end = yield* Effect.result(log.append(claims))
    if (end._tag === "Success") return end.success
    last = end.failure
    yield* Effect.sleep(pollMillis)
  }
  const isFull = last?._tag === "LogFull"
  const why = isFull ? "it said that it is full" : `it failed: ${last === undefined ? "" : JSON.stringify(last)}`
  book.broken(isFull ? "REQ-04" : "REQ-07", `Nothing was taken for ${settleMillis} ms, where there was room: ${why}.`)
  return undefined
})

/** Whether the log comes to say that so many wait. */
export const saysThatWait = Effect.fnUntraced(function* (
  log: RequestLogShape,
  count: number,
  { settleMillis, book }: Patience,
): Effect.fn.Return<void> {
  let said = ""
  for (let waited = 0; waited < settleMillis; waited += pollMillis) {
    const end = yield* Effect.result(log.waiting)
    if (end._tag === "Success" && end.success === count) {
      return book.saw(count === 0 ? "nothing waited" : "requests waited")
    }
    said = end._tag === "Success" ? `said ${end.success}` : `failed: ${JSON.stringify(end.failure)}`
    yield* Effect.sleep(pollMillis)
  }
  book.broken("REQ-06", `${count} requests wait, and after ${settleMillis} ms the log ${said}.`)
})

/** Compares what is handed out with what was appended. */
export class HandedOut {
  readonly #book: KitBook
  readonly #appended: ReadonlyMap<string, Claim>
  /** The commands of the claims that were handed out. */
  readonly commands = new Set<string>()

  constructor(claims: ReadonlyArray<Claim>, book: KitBook) {
    this.#appended = new Map(claims.map((claim) => [claim.commandId, claim]))
    this.#book = book
  }

  note({ requests }: Slice): void {
    for (const { claim } of requests) {
      this.commands.add(claim.commandId)
      const appended = this.#appended.get(claim.commandId)
      const [found, expected] = [textOf(claim), appended && textOf(appended)]
      if (found === expected) continue
      const what = expected === undefined ? "which nobody had appended" : `which was appended as ${expected}`
      this.#book.broken("REQ-05", `${found} was handed out, ${what}.`)
    }
  }
}

const textOf = ({ campaignId, accountId, at, commandId, scope, key }: Claim): string =>
  JSON.stringify({ campaignId, accountId, at, commandId, scope, key })
