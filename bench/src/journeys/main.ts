/**
 * `npm run load`: the journeys of people against a shop that runs somewhere, at a rate, with a verdict and a page.
 *
 * Exit code 0 where every threshold holds, 1 where one does not, 2 for a question that was not understood.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { environmentNow } from "../environment.ts"
import { pageOf } from "../page.ts"
import { median, percentile, significant } from "../statistics.ts"
import { type Driven, drive } from "./drive.ts"
import { catalogue, isOrderOfTheHotProduct, scenarios } from "./scenarios.ts"

const usage = `npm run load -- --url http://127.0.0.1:3000 --scenario NAME [flags]

  --rate N          requests a second (default 200)
  --seconds N       how long (default 60)
  --connections N   at most so many requests without an answer (default 200)
  --p99 N           threshold in milliseconds, of every stage (default 1000)
  --json            one JSON object as the last line
  --catalogue       prints what the shop has to sell, for npm run serve -- --catalogue FILE

Scenarios:
${Object.entries(scenarios)
  .map(([name, { about }]) => `  ${name.padEnd(16)}${about}`)
  .join("\n")}
`

/** Of all requests, one in so many may fail. */
const failuresAllowed = 0.001

const say = (text: string): void => {
  process.stderr.write(`  ${text}\n`)
}

class UsageError extends Error {}

const flags = () => {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:3000" },
      scenario: { type: "string" },
      rate: { type: "string", default: "200" },
      seconds: { type: "string", default: "60" },
      connections: { type: "string", default: "200" },
      p99: { type: "string", default: "1000" },
      json: { type: "boolean", default: false },
      catalogue: { type: "boolean", default: false },
    },
  })
  const number = (name: "rate" | "seconds" | "connections" | "p99"): number => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1 || value > 1_000_000)
      throw new UsageError(`--${name} must be a whole number from 1.`)
    return value
  }
  const { url, scenario, json, catalogue } = values
  if (!URL.canParse(url)) throw new UsageError(`--url ${url} is no address.`)
  return {
    ...{ url, scenario, json, catalogue },
    ...{ rate: number("rate"), seconds: number("seconds"), connections: number("connections"), p99: number("p99") },
  }
}

/** Of what is due, so much is answered at least: a generator keeps its rate about so well. */
const rateKept = 0.9

const onHandOf = async (url: string): Promise<number> => {
  const response = await fetch(`${url}/api/v1/products/1`, { signal: AbortSignal.timeout(10_000) })
  if (response.status !== 200) throw new UsageError(`${url} has no product 1 (${response.status}): see --catalogue.`)
  return Number(((await response.json()) as { readonly stock: number }).stock)
}

const page = async (
  name: string,
  about: string,
  { seconds, stages }: Driven,
  result: Parameters<typeof pageOf>[2],
): Promise<string> => {
  const line = (label: string, value: (millis: ReadonlyArray<number>) => number) => ({
    name: label,
    points: seconds.filter(({ millis }) => millis.length > 0).map(({ at, millis }) => [at, value(millis)] as const),
  })
  const kinds = (["ok", "refused", "failed"] as const).map((kind) => ({
    name: kind,
    points: seconds.map((second) => [second.at, second[kind]] as const),
  }))
  const html = pageOf({ name: `load: ${name}`, about }, environmentNow(), {
    ...result,
    plots: [
      {
        type: "lines",
        title: "How long answers took",
        caption: "Each second's answers, from when the request was sent.",
        xLabel: "seconds",
        yLabel: "milliseconds",
        y: "in powers of ten",
        series: [line("p50", median), line("p99", (millis) => percentile(millis, 99))],
      },
      {
        type: "lines",
        title: "Answers by what they mean",
        caption: "Refused is a business no: sold out, issued already.",
        xLabel: "seconds",
        yLabel: "answers a second",
        series: kinds,
      },
    ],
    texts: [
      {
        title: "Stages, late sends corrected",
        text: stages
          .map(
            (each) =>
              `${each.ratePerSecond}/s for ${each.seconds} s: p50 ${each.p50} ms, p99 ${each.p99} ms, max ${each.max} ms`,
          )
          .join("\n"),
      },
    ],
  })
  const folder = join(import.meta.dirname, "../../results")
  await mkdir(folder, { recursive: true })
  const file = join(folder, `load-${name}.html`)
  await writeFile(file, html)
  return file
}

const main = async (): Promise<number> => {
  const asked = flags()
  if (asked.catalogue) {
    console.log(JSON.stringify(catalogue()))
    return 0
  }
  const journeys = asked.scenario === undefined ? undefined : scenarios[asked.scenario]
  if (asked.scenario === undefined || journeys === undefined) throw new UsageError("--scenario names one of the list.")
  const before = await onHandOf(asked.url)
  const driven = await drive(journeys, {
    ...asked,
    ratePerSecond: asked.rate,
    progress: say,
    counts: isOrderOfTheHotProduct,
  })
  // A shop that did not live through it has its verdict and its page as well.
  const after = await onHandOf(asked.url).catch(() => undefined)
  const sold = after === undefined ? undefined : before - after
  const { counts, stages, ordered: orders } = driven
  const all = counts.ok + counts.refused + counts.wrong + counts.failed
  const worst = Math.max(...stages.map(({ p99 }) => p99))
  // Orders may have happened that nobody heard of: whose answers failed, and those under way at the end of each stage.
  const unheard = counts.failed + asked.connections * stages.length
  const recounted = sold !== undefined && sold >= orders && sold <= orders + unheard
  // What was sent last may still be answered in time. What was sent before and never answered is in no percentile.
  const dueOf = (inTime: number): number =>
    stages.reduce((sum, { ratePerSecond, seconds }) => sum + ratePerSecond * Math.max(0, seconds - inTime), 0)
  const isKept = all > 0 && all >= rateKept * dueOf(asked.p99 / 1_000)
  const verdicts = {
    [`p99 of every stage ≤ ${asked.p99} ms (${worst})`]: worst <= asked.p99,
    [`answers came at the rate (${all} of about ${dueOf(0)})`]: isKept,
    [`failures ≤ 0.1 % (${counts.failed} of ${all})`]: counts.failed <= all * failuresAllowed,
    [`no request of ours was wrong (${counts.wrong})`]: counts.wrong === 0,
    [`sold as often as answered (${sold ?? "nobody knows how many"} of product 1, ${orders} answered)`]: recounted,
  }
  const ok = Object.values(verdicts).every(Boolean)
  const figures = {
    requests: all,
    ...counts,
    answersPerSecond: significant(all / Math.max(1, driven.seconds.length), 3),
    p99Millis: worst,
    ...(sold !== undefined && { soldOfProduct1: sold }),
    ordersAnsweredOfProduct1: orders,
  }
  const file = await page(asked.scenario, journeys.about, driven, { ratios: {}, figures, audit: { ok: recounted } })
  for (const [verdict, holds] of Object.entries(verdicts)) say(`${holds ? "holds " : "BROKEN"}  ${verdict}`)
  say(file)
  if (asked.json) console.log(JSON.stringify({ scenario: asked.scenario, ok, figures, stages }))
  return ok ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && "code" in error)
    process.stderr.write(
      isUsage ? `${(error as Error).message}\n\n${usage}` : `${error instanceof Error ? error.stack : error}\n`,
    )
    process.exit(isUsage ? 2 : 1)
  },
)
