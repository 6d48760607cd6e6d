/**
 * `npm run demo`: a flash sale on an embedded shop, and the proof that every promise held.
 */
import { createHoldfast, isHoldfastError } from "@holdfast/core"
import { helpText, type Options, parseOptions, UsageError } from "./options.ts"
import { type Gauge, outOf, Progress } from "./Progress.ts"
import { type Canvas, canvasOf, figure } from "./paint.ts"
import { planOf } from "./plan.ts"
import { promisesOf } from "./promises.ts"
import { EventIds, recountShop } from "./recount.ts"
import { heading, report, summaryOf } from "./report.ts"
import { Sale } from "./sale.ts"
import { storeOf } from "./stores.ts"

const main = async (): Promise<void> => {
  const options = parseOptions(process.argv.slice(2), process.env)
  if (options.help) process.stdout.write(helpText)
  else await hold(options)
}

/** Holds the sale, recounts it and says what it found. */
const hold = async (options: Options): Promise<void> => {
  const { seed, json } = options
  const canvas = canvasOf(json)
  const plan = planOf({ ...options, run: Date.now().toString(36) })
  canvas.stream.write(heading(canvas, seed, options.store, plan))
  await using shop = createHoldfast({ store: await storeOf(options.store, options.url) })
  // Subscribed before the first call, so that every accepted call has to show up here.
  const events = new EventIds()
  await shop.events.subscribe(plan.subscription, events.hear)
  const sale = new Sale(shop, plan, seed)
  await watch(canvas, sale)
  const recount = await recountWatched(canvas, sale, events)
  const promises = promisesOf(recount, { ...sale.answers, gaveUp: sale.patience.gaveUp })
  const summary = summaryOf(options, sale, recount, promises)
  canvas.stream.write(report(canvas, summary, sale))
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`)
  if (promises.some(({ held }) => !held)) process.exitCode = 1
}

const watch = async (canvas: Canvas, sale: Sale): Promise<void> => {
  const { shop, plan } = sale
  const progress = new Progress(canvas)
  await progress.during(
    async () => [gauge("accounts", "blue", sale.ready, plan.buyers, "opened and charged")],
    () => sale.prepare(),
  )
  await progress.during(
    async () => {
      const { onHand } = await shop.stock.product(plan.productId)
      const issued = plan.coupons === 0 ? 0 : (await shop.coupons.campaign(plan.campaignId)).issued
      const buyers = gauge("buyers", "blue", sale.served, plan.buyers, "answered")
      return [
        { label: "stock", style: "green", part: onHand, whole: plan.stock, text: `${figure(onHand)} left` },
        gauge("coupons", "yellow", issued, plan.coupons, "issued"),
        { ...buyers, text: `${buyers.text}, ${figure(sale.ordersPerSecond)} orders/s` },
      ]
    },
    () => sale.run(),
  )
}

const recountWatched = (canvas: Canvas, { shop, plan }: Sale, events: EventIds) => {
  let counted = 0
  const look = async () => [
    gauge("recount", "blue", counted, plan.buyers, counted < plan.buyers ? "accounts" : "accounts, and the audit"),
  ]
  return new Progress(canvas).during(look, () => recountShop(shop, plan, events, () => counted++))
}

const gauge = (label: string, style: Gauge["style"], part: number, whole: number, what: string): Gauge => ({
  label,
  style,
  part,
  whole,
  text: outOf(part, whole, what),
})

// Whoever reads our output may have had enough of it (`npm run demo | head`). The sale is over then.
process.stdout.on("error", () => process.exit(0))

await main().catch((error: unknown) => {
  const usage = error instanceof UsageError
  // What the shop says is a sentence; only a fault of this program needs its stack.
  const isSaid = usage || isHoldfastError(error)
  const text = error instanceof Error ? (isSaid ? error.message : error.stack) : error
  process.stderr.write(`${text}\n`)
  process.exitCode = usage ? 2 : 1
})
