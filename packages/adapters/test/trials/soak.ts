/**
 * `npm run soak`: many trials on one private server, each with its own seed.
 *
 * `--trials <n>` (1,000), `--seed <n>` (drawn; the first trial's, the others follow), `--together <n>` (4). A trial that
 * broke something is repeated with `--trials 1 --seed <its seed>`. Ends with 1 if anything was broken, and stops early
 * after ten trials that did.
 */
import { parseArgs } from "node:util"
import { privateServer } from "@holdfast/test-services"
import { type Blows, type Kind, kindOf, noBlows, runTrial, type Verdict } from "./trial.ts"

const maxBroken = 10
const maxTrials = 100_000

const numberOf = (name: string, text: string | undefined, otherwise: number, most: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw new Error(`--${name} must be a whole number from 1 to ${most}, and not "${text}".`)
}

const { values } = parseArgs({
  options: { trials: { type: "string" }, seed: { type: "string" }, together: { type: "string" } },
})
const trials = numberOf("trials", values.trials, 1_000, maxTrials)
const seed = numberOf("seed", values.seed, 1 + Math.floor(Math.random() * 1_000_000), 1_000_000_000)
const together = numberOf("together", values.together, 4, 64)

const totals = { heard: 0, acknowledged: 0, refused: 0, unavailable: 0 }
const blows = noBlows()
const broken: Array<Verdict> = []
/** Trials in which a caller gave up at its deadline: nothing is broken, but somebody may want to know why. */
const slow: Array<string> = []
let done = 0
const count = (verdict: Verdict): void => {
  done++
  for (const name of Object.keys(blows) as ReadonlyArray<keyof Blows>) blows[name] += verdict.blows[name]
  for (const told of verdict.heard) {
    totals.heard++
    if ("answer" in told) totals.acknowledged++
    else if (told.code !== "STORE_UNAVAILABLE") totals.refused++
  }
  const unavailable = verdict.heard.filter((told) => "code" in told && told.code === "STORE_UNAVAILABLE").length
  totals.unavailable += unavailable
  if (unavailable > 0) slow.push(`${verdict.seed} (${unavailable})`)
  if (verdict.broken.length > 0) broken.push(verdict)
}

const began = performance.now()
const seconds = (): number => Math.round((performance.now() - began) / 1_000)
const progress = (): void => {
  const line = `${done} of ${trials} trials, ${broken.length} broken, ${seconds()} s`
  if (process.stderr.isTTY) process.stderr.write(`\r${line} `)
  else if (done % 50 === 0) process.stderr.write(`${line}\n`)
}

/** One trial in ten is behind a pooler, and one in twenty ends on another server: those take several seconds each. */
const soakKindOf = (trial: number): Kind => {
  if (trial % 10 === 3) return "pooler"
  return trial % 20 === 7 ? "failover" : kindOf(trial)
}

const server = await privateServer("soak")
if (server === undefined) process.exit(1)
console.log(`${trials} trials from seed ${seed}, ${together} at a time`)
try {
  let next = 0
  const runNext = async (): Promise<void> => {
    while (next < trials && broken.length < maxBroken) {
      const own = seed + next++
      count(await runTrial(server.url, own, soakKindOf(own)))
      progress()
    }
  }
  await Promise.all(Array.from({ length: together }, runNext))
} finally {
  await server.stop()
}

const figure = (value: number): string => value.toLocaleString("en-US")
console.log(`
${figure(done)} trials in ${figure(seconds())} s
  what was done       ${figure(blows.connectionsCut)} connections cut, ${figure(blows.repliesLost)} replies lost, ${figure(blows.backendsTerminated)} backends terminated,
                      ${figure(blows.statementsCancelled)} statements and ${figure(blows.commitsCancelled)} commits cancelled, ${figure(blows.processesKilled)} processes killed,
                      ${figure(blows.poolersKilled)} poolers killed, ${figure(blows.waitsCancelled)} waits for standbys cancelled, ${figure(blows.failovers)} failovers
  what callers heard  ${figure(totals.acknowledged)} acknowledged, ${figure(totals.refused)} refused by a rule, ${figure(totals.unavailable)} unavailable
  what was broken     ${broken.length === 0 ? "nothing" : `${broken.length} trials`}`)
if (slow.length > 0) console.log(`\nunavailable in the trials of seed ${slow.join(", ")}`)
for (const verdict of broken) {
  console.log(`\nseed ${verdict.seed}:`)
  for (const sentence of verdict.broken) console.log(`  - ${sentence}`)
}
process.exitCode = broken.length === 0 ? 0 : 1
