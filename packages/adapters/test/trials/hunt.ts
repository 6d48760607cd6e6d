/**
 * `npm run hunt:tapes`: several shops on one private server, order after order of their frames, for as long as you have.
 *
 * `--minutes <n>` (15), `--seed <n>` (drawn). First every order of frames with replies let go at once, plan by plan and at
 * most 40 of each; then orders of frames, replies and time-outs that are drawn, each round of every plan from the next
 * seed. Every fourth round plays each tape twice, to see that it does the same again. What breaks is printed with its token.
 * Ends with 1 if anything was broken or went apart.
 */
import { parseArgs } from "node:util"
import { Sim, Tapes } from "@holdfast/core/testing"
import { privateServer } from "@holdfast/test-services"
import { Effect } from "effect"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { postgresStages } from "../../src/testing/index.ts"

const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } })
const minutes = Number(values.minutes ?? 15)
const first = Number(values.seed ?? 1 + Math.floor(Math.random() * 1_000_000))
if (!(minutes > 0 && minutes <= 1_440 && Number.isSafeInteger(first)))
  throw new Error("--minutes or --seed is no number.")

const mostOfAll = 40
const drawnAtOnce = 5
const totals = { orders: 0, moves: 0, waited: 0, playedTwice: 0 }
const broken: Array<string> = []

const server = await privateServer("the hunt by tapes")
if (server === undefined) process.exit(1)
const schema = "hunt"
const open = (url: string) => PostgresStore.make({ url, schema, migrate: "off" })

const play = (plan: Tapes.TapePlan, options: Tapes.TapesOptions): Promise<Tapes.TapesReport> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(postgresStages({ url: server.url, shops: plan.engines, open }), (stage) =>
        Tapes.play(plan, stage, { maxFailures: 10, ...options }),
      ),
    ),
  )
const count = (name: string, report: Tapes.TapesReport, twice: boolean): void => {
  totals.orders += report.runs
  totals.moves += report.moves
  totals.waited += report.waited
  if (twice) totals.playedTwice += report.runs
  for (const { law, message, token } of report.failures) broken.push(`${name}: ${law}: ${message}\n  ${token}`)
  for (const apart of report.divergences) broken.push(`${name} went apart: ${JSON.stringify(apart)}`)
}

const until = performance.now() + minutes * 60_000
const began = performance.now()
await Effect.runPromise(Effect.scoped(PostgresStore.make({ url: server.url, schema })))
console.log(`${minutes} minutes from seed ${first}\n`)
for (const [name, plan] of Object.entries(Tapes.plans)) {
  if (performance.now() > until) break
  const report = await play({ ...plan, replies: "at once" }, { runs: mostOfAll })
  count(name, report, false)
  console.log(`${name}: ${report.runs} orders of frames${report.complete ? ", which are all" : ""}`)
}
let seed = first
for (; performance.now() < until && broken.length < 10; seed++) {
  const twice = seed % 4 === 0
  for (const [name, plan] of Object.entries(Tapes.plans)) {
    count(name, await play(plan, { strategy: Sim.random(seed), runs: drawnAtOnce, twice }), twice)
  }
}
await server.stop()
console.log(`
${totals.orders} orders in ${Math.round((performance.now() - began) / 1_000)} s, seeds ${first} to ${seed - 1}
  moves made       ${totals.moves}
  with lock waits  ${totals.waited}
  played twice     ${totals.playedTwice}
  broken           ${broken.length === 0 ? "nothing" : `\n${broken.join("\n")}`}`)
process.exit(broken.length === 0 ? 0 : 1)
