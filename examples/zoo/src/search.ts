/**
 * `npm run zoo -- --search 30 --seed 1`: searches for so many minutes (default 30) among seeded schedules of several
 * processes on a simulated server, and prints how many it tried and what broke a law. One minute in six goes to small plans
 * under every schedule with at most three switches. Fails where anything was found.
 */
import { Zoo } from "@holdfast/core/testing"

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(name)
  const value = at < 0 ? Number.NaN : Number(process.argv[at + 1])
  return Number.isFinite(value) ? value : otherwise
}

const minutes = option("--search", 30)
const firstSeed = option("--seed", 1)
const switches = option("--switches", 3)
const shareOfWhole = 1 / 6
/** The most findings that are shown: the rest would be the same. */
const mostFound = 5

const server = Zoo.controls.find(({ name }) => name === "simulated server")
if (server === undefined) throw new Error("there is no simulated server")

const began = performance.now()
const isOver = (share = 1): boolean => performance.now() - began > minutes * 60_000 * share
const tried = new Map<string, number>()
const found: Array<Zoo.Found> = []
const note = (each: Zoo.Searched): void => {
  tried.set(each.plan, (tried.get(each.plan) ?? 0) + 1)
  if (each.found === undefined) return
  found.push(each.found)
  console.log(`! ${each.found.law} ${each.found.message}\n${each.found.timeline}\nreplay: ${each.found.token}`)
}

let wholePlans = 0
for (let seed = firstSeed; !isOver(shareOfWhole); seed++) {
  let isComplete = true
  for (const each of Zoo.searchedWhole(server, seed, switches)) {
    note(each)
    isComplete = !isOver(shareOfWhole)
    if (!isComplete || found.length >= mostFound) break
  }
  if (isComplete) wholePlans++
}
let seed = firstSeed
for (; !isOver() && found.length < mostFound; seed++) {
  for (const each of Zoo.searched(server, seed)) note(each)
}

const seconds = Math.round((performance.now() - began) / 1_000)
const total = Array.from(tried.values()).reduce((sum, count) => sum + count, 0)
console.log(`seeds ${firstSeed} to ${seed - 1}, ${total.toLocaleString("en")} schedules in ${seconds} s`)
console.log(`small plans under every schedule with at most ${switches} switches: ${wholePlans}`)
for (const [plan, count] of tried) console.log(`  ${plan.padEnd(18)} ${count.toLocaleString("en").padStart(9)}`)
console.log(found.length === 0 ? "broken: nothing" : `broken: ${found.map(({ law }) => law).join(", ")}`)
if (found.length > 0) process.exitCode = 1
