/**
 * Many trials of chaos, one after the other: `npm run soak:kafka -- 200`. Prints a line for each, and says at the end which
 * were broken.
 */
import { anyServer, privateKafka, proxyToBroker } from "@holdfast/test-services"
import { chaosTrial, type Verdict } from "./chaos.ts"

const trials = Number(process.argv[2] ?? "200")
const from = Number(process.argv[3] ?? "1")
const server = await anyServer("a soak with Kafka")
const cluster = await privateKafka("a soak with Kafka")
const [broker] = cluster?.brokers ?? []
if (server === undefined || broker === undefined) throw new Error("It needs PostgreSQL, Java and Maven.")
const proxy = await proxyToBroker(broker)
const broken: Array<Verdict> = []
const met = new Map<string, number>()
let events = 0
for (let seed = from; seed < from + trials; seed++) {
  const verdict = await chaosTrial({ broker, proxy, url: server.url }, seed)
  events += verdict.events
  for (const fault of verdict.faults) met.set(fault, (met.get(fault) ?? 0) + 1)
  if (verdict.wrong.length > 0) broken.push(verdict)
  console.log(`${seed}: ${verdict.events} events, ${verdict.faults.join(", ")}: ${verdict.wrong.join("; ") || "kept"}`)
}
console.log(
  `${trials} trials, ${events} events; ${Array.from(met, ([fault, times]) => `${fault} ${times}`).join(", ")}`,
)
console.log(broken.length === 0 ? "Every promise was kept." : `Broken: ${broken.map(({ seed }) => seed).join(", ")}`)
await proxy.close()
await cluster?.stop()
await server.stop()
process.exit(broken.length === 0 ? 0 : 1)
