/** A process with a subscription on a memory store: it handles three events, then has nothing to do and must end. */
import { Effect } from "effect"
import { events, makeShop, name, Seen, subscriptionsOf } from "./support.ts"

const program = Effect.gen(function* () {
  const shop = makeShop()
  const subscriptions = yield* subscriptionsOf(shop)
  const seen = new Seen()
  yield* subscriptions.subscribe(name, seen.record)
  yield* shop.commit(events(3, 2))
  yield* subscriptions.settled(name)
  process.stdout.write(`handled ${seen.all.length}\n`)
  return yield* Effect.never
})

Effect.runFork(Effect.scoped(program))
