/**
 * What is said when the sale is over: for people a table of the promises, for programs one object.
 */
import { type Canvas, figure, millis, paint } from "./paint.ts"
import type { Plan } from "./plan.ts"
import { type Kept, oversoldOf } from "./promises.ts"
import type { Recount } from "./recount.ts"
import type { Sale } from "./sale.ts"

/** The object that `--json` prints as the last line of standard output. */
export interface Summary {
  readonly seed: number
  readonly store: string
  readonly buyers: number
  /** Units sold, net of cancelled orders. */
  readonly sold: number
  /** Units that there were at first or that were delivered. */
  readonly stock: number
  readonly oversold: number
  readonly cancelled: number
  readonly couponsIssued: number
  readonly duplicateCoupons: number
  /** Answers that were served from the receipt of an earlier call. */
  readonly replays: number
  /** Calls that were asked to come back later, and calls that were made again with their key. */
  readonly overloads: number
  readonly retries: number
  readonly events: number
  /** How long the doors were open. */
  readonly seconds: number
  /** Order calls that were answered, yes or no. */
  readonly orderCalls: number
  readonly ordersPerSecond: number
  /** Of an order call until its final answer, with every wait. */
  readonly p50Millis: number
  readonly p99Millis: number
  readonly promises: ReadonlyArray<Kept>
  readonly audit: Recount["audit"]
}

export const summaryOf = (
  { seed, store }: { readonly seed: number; readonly store: string },
  { plan, answers, patience, seconds, ordersPerSecond }: Sale,
  recount: Recount,
  promises: ReadonlyArray<Kept>,
): Summary => {
  const { stock, orders, coupons, events, audit } = recount
  const sorted = Float64Array.from(answers.orderMillis).sort()
  return {
    seed,
    store,
    buyers: plan.buyers,
    sold: orders.units,
    stock: stock.supplied,
    oversold: oversoldOf(recount),
    cancelled: orders.cancelled,
    couponsIssued: coupons.issued,
    duplicateCoupons: coupons.duplicates,
    replays: answers.replayed,
    overloads: patience.overloads,
    retries: patience.retries,
    events,
    seconds: rounded(seconds),
    orderCalls: sorted.length,
    ordersPerSecond: Math.round(ordersPerSecond),
    p50Millis: rounded(percentile(sorted, 50)),
    p99Millis: rounded(percentile(sorted, 99)),
    promises,
    audit,
  }
}

/** The nearest-rank percentile of sorted numbers; 0 where there are none. */
const percentile = (sorted: ArrayLike<number>, percent: number): number =>
  sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

/** The lines above the sale. */
export const heading = (canvas: Canvas, seed: number, store: string, { buyers, stock, coupons }: Plan): string => {
  const crowd = `${figure(buyers)} ${buyers === 1 ? "buyer" : "buyers"}, ${figure(stock)} units, ${figure(coupons)} coupons`
  const title = paint(canvas, "bold", "Holdfast flash sale")
  return `\n  ${title}  ${crowd} ${paint(canvas, "dim", `· store ${store} · seed ${seed}`)}\n\n`
}

/** The lines below the sale. */
export const report = (canvas: Canvas, summary: Summary, sale: Sale): string =>
  [
    "",
    ...table(canvas, summary.promises),
    "",
    ...speed(canvas, summary, sale),
    "",
    verdict(canvas, summary),
    "",
    "",
  ].join("\n")

const table = (canvas: Canvas, promises: ReadonlyArray<Kept>): ReadonlyArray<string> => {
  const rows = promises.map(({ name, expected, found, held }) => [held, name, shown(expected), shown(found)] as const)
  const names = Math.max(title.length, ...rows.map(([, name]) => name.length))
  const values = Math.max(
    "expected".length,
    ...rows.flatMap(([, , expected, found]) => [expected.length, found.length]),
  )
  const columns = (name: string, expected: string, found: string): string =>
    `${name.padEnd(names)}  ${expected.padStart(values)}  ${found.padStart(values)}`
  return [
    paint(canvas, "dim", `    ${columns(title, "expected", "found")}`),
    ...rows.map(([held, ...texts]) =>
      held ? `  ${paint(canvas, "green", "✓")} ${columns(...texts)}` : paint(canvas, "red", `  ✗ ${columns(...texts)}`),
    ),
  ]
}

const title = "recounted from the shop's own books"

const speed = (canvas: Canvas, summary: Summary, { answers, patience }: Sale): ReadonlyArray<string> => {
  const { orderCalls, seconds, ordersPerSecond, p50Millis, p99Millis, sold, stock, cancelled, replays } = summary
  const refused = (code: string): string => figure(answers.refusals.get(code) ?? 0)
  return [
    `  ${figure(sold)} of ${figure(stock)} units sold in ${seconds.toFixed(2)} s. ${figure(orderCalls)} order calls: ${figure(ordersPerSecond)}/s, p50 ${millis(p50Millis)}, p99 ${millis(p99Millis)}.`,
    ...[
      `${figure(sold + cancelled)} accepted (${figure(cancelled)} cancelled later), ${refused("OUT_OF_STOCK")} sold out, ${refused("POINTS_NOT_ENOUGH")} short of points; ${refused("COUPONS_SOLD_OUT")} too late for a coupon.`,
      `${figure(replays)} answered from a receipt. ${figure(patience.overloads)} asked to come back later; ${figure(patience.retries)} repeated with their key.`,
    ].map((line) => paint(canvas, "dim", `  ${line}`)),
  ]
}

const verdict = (canvas: Canvas, { promises }: Summary): string => {
  const broken = promises.filter(({ held }) => !held).length
  if (broken === 0) return paint(canvas, ["bold", "green"], "  Every promise held.")
  return paint(canvas, ["bold", "red"], `  ${broken} of ${promises.length} promises broken.`)
}

const shown = (value: number | string): string => (typeof value === "number" ? figure(value) : value)
