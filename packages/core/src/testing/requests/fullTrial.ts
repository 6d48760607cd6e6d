/**
 * A log that may have three requests waiting, while nobody decides them: it says so before it stores anything, and takes more
 * once they are decided.
 */
import { Effect, type Scope } from "effect"
import type { Claim } from "../../coupons/Request.ts"
import type { Slice } from "../../decision/slice.ts"
import type { SliceEnd, StoreFault, StoreShape } from "../../ports/index.ts"
import { furnish } from "./claims.ts"
import type { RequestLogAdapter } from "./RequestLogAdapter.ts"
import { ended, HandedOut, type Patience, saysThatWait, taken, tried } from "./triedLog.ts"

const mostWaiting = 3
/** How many are offered at once: the second two find room for one. What is refused is not offered again. */
const offers = [2, 2, 1, 1, 1] as const
/** How long what should not be there is looked for. */
const quietMillis = 50

export const fullTrial = Effect.fnUntraced(function* (
  adapter: Pick<RequestLogAdapter, "open">,
  store: StoreShape,
  decide: (slice: Slice) => Effect.Effect<SliceEnd>,
  ground: string,
  claims: ReadonlyArray<Claim>,
  patience: Patience,
): Effect.fn.Return<void, StoreFault, Scope.Scope> {
  const { book, settleMillis } = patience
  yield* ended("Furnishing the store", furnish(store, claims), patience)
  const log = tried(yield* ended("Opening the log", adapter.open(ground, mostWaiting), patience), patience)
  const accepted = new Set<string>()
  /** After a fault they may be stored. */
  const open = new Set<string>()
  let from = 0
  for (const size of offers) {
    const offered = claims.slice(from, from + size)
    from += size
    const end = yield* Effect.result(log.append(offered))
    if (end._tag === "Failure") {
      if (end.failure._tag === "LogFull") book.saw("full")
      else for (const { commandId } of offered) open.add(commandId)
      continue
    }
    for (const { commandId } of offered) accepted.add(commandId)
    // Nobody decides yet: all of them wait.
    for (const id of end.success) {
      if (!(yield* log.holds(id))) book.broken("REQ-01", `The request ${id} waits, and the log said that it does not.`)
    }
  }
  if (accepted.size > mostWaiting) {
    book.broken("REQ-04", `${accepted.size} requests were accepted where ${mostWaiting} may wait.`)
  }
  if (open.size === 0) yield* saysThatWait(log, accepted.size, patience)
  const handed = new HandedOut(claims, book)
  yield* Effect.forkScoped(
    log.serve((slice) => {
      handed.note(slice)
      return decide(slice)
    }),
  )
  const handedOut = Effect.gen(function* () {
    const isMissing = (): boolean => Array.from(accepted).some((command) => !handed.commands.has(command))
    for (let waited = 0; waited < quietMillis || (isMissing() && waited < settleMillis); waited += 2) {
      yield* Effect.sleep(2)
    }
    for (const command of handed.commands) {
      if (!accepted.has(command) && !open.has(command))
        book.broken("REQ-04", `The claim ${command} was refused, and was stored.`)
    }
  })
  yield* handedOut
  yield* saysThatWait(log, 0, patience)
  const [next] = claims.slice(from)
  if (next === undefined || (yield* taken(log, [next], patience)) === undefined) return
  book.saw("taken again")
  accepted.add(next.commandId)
  yield* handedOut
  if (!handed.commands.has(next.commandId)) {
    book.broken("REQ-04", `The claim ${next.commandId} was accepted once there was room, and was never handed out.`)
  }
})
