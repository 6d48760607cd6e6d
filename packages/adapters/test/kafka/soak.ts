/**
 * Many trials of chaos, one after the other: `npm run soak:kafka -- 200`, and of coupon requests
 * `npm run soak:kafka -- 200 1 requests`, from seed 1; `npm run soak:kafka -- 20 1 requests 3` on three brokers, of which one is
 * lost again and again. Prints a line for each, and says at the end which were broken.
 */
import { anyServer, privateKafka, proxyToBroker } from "@holdfast/test-services"
import { chaosTrial, inTurn, type Verdict } from "./chaos.ts"
import { requestTrial } from "./requestChaos.ts"

const trials = Number(process.argv[2] ?? "200")
const from = Number(process.argv[3] ?? "1")
const ofRequests = process.argv[4] === "requests"
const what = ofRequests ? "requests" : "events"
const server = await anyServer("a soak with Kafka")
const brokers = Number(process.argv[5] ?? "1")
if (brokers > 1 && !ofRequests) throw new Error("Events are published on one broker here.")
const cluster = await privateKafka("a soak with Kafka", { brokers })
if (server === undefined || cluster === undefined) throw new Error("It needs PostgreSQL, Java and Maven.")
// Clients that ask one proxy are told those of all brokers.
const proxied = await Promise.all(
  cluster.brokers.map(async (broker) => ({ broker, proxy: await proxyToBroker(broker) })),
)
const worlds = proxied.map(({ broker, proxy }) => ({ ...inTurn(broker, proxy, cluster.brokers), url: server.url }))
const broken: Array<Verdict> = []
const met = new Map<string, number>()
let events = 0
for (let seed = from; seed < from + trials; seed++) {
  const world = worlds[seed % brokers]
  if (world === undefined) throw new Error("There is no broker.")
  const verdict = await (ofRequests ? requestTrial(world, seed) : chaosTrial(world, seed))
  events += verdict.events
  for (const fault of verdict.faults) met.set(fault, (met.get(fault) ?? 0) + 1)
  if (verdict.wrong.length > 0) broken.push(verdict)
  console.log(`${seed}: ${verdict.events} ${what}, ${verdict.faults.join(", ")}: ${verdict.wrong.join("; ") || "kept"}`)
}
console.log(
  `${trials} trials, ${events} ${what}; ${Array.from(met, ([fault, times]) => `${fault} ${times}`).join(", ")}`,
)
console.log(broken.length === 0 ? "Every promise was kept." : `Broken: ${broken.map(({ seed }) => seed).join(", ")}`)
await Promise.all(proxied.map(({ proxy }) => proxy.close()))
await cluster.stop()
await server.stop()
process.exit(broken.length === 0 ? 0 : 1)
