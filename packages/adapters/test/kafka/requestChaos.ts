/**
 * A trial of coupon requests: shops on one PostgreSQL accept claims into a topic behind a proxy and decide them, one of them
 * in a process of its own, and what goes wrong with each of them meanwhile. A seed fixes what is claimed, what goes wrong and
 * in which order; when it hits is the machine's to say.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { createHoldfast, type RequestedCoupon, type Shop } from "@holdfast/core"
import pg from "pg"
import { type KafkaTransport, kafkajs, kafkaRequests, platformatic } from "../../src/kafka/index.ts"
import { postgres } from "../../src/postgres/index.ts"
import { freshSchema } from "../support/stores.ts"
import { brokerFaults, disturbBroker, numbersOf, patienceMillis, pause, type Verdict, type World } from "./chaos.ts"

const faults = [...brokerFaults, "decider killed", "decider joins", "decider leaves"] as const

const limit = 15
const claims = 40
const program = fileURLToPath(new URL("./decidingProcess.ts", import.meta.url))

export const requestTrial = async (world: World, seed: number): Promise<Verdict> => {
  const { proxy, bootstrap, replication, url } = world
  const below = numbersOf(seed)
  const schema = freshSchema()
  const topic = `requests-${schema}`
  const clients = seed % 2 === 0 ? ([kafkajs, platformatic] as const) : ([platformatic, kafkajs] as const)
  const transports: Array<KafkaTransport> = []
  const shops: Array<Shop> = []
  const open = (transport: KafkaTransport, group?: string): Shop => {
    transports.push(transport)
    const shop = createHoldfast({
      store: postgres({ url, schema, lanes: 1 }),
      requests: kafkaRequests({ kafka: transport, topic, group, partitions: 3, replication }),
      // All of them are accepted, also those that come late.
      seals: false,
      // What is disturbed may be away for long, and a machine may be as slow as it likes.
      deadlineMillis: 300_000,
      logger: () => {},
    })
    shops.push(shop)
    return shop
  }
  const at = new Map(
    Array.from({ length: 2 + below(2) }, () => [below(claims), faults[below(faults.length)] ?? "reply lost"]),
  )
  const met: Array<string> = []
  const children: Array<ChildProcess> = []
  const start = (): ChildProcess => {
    const given = JSON.stringify({
      client: seed % 3 === 0 ? "platformatic" : "kafkajs",
      brokers: bootstrap,
      replication,
      topic,
      url,
      schema,
    })
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--no-warnings", program, given], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    children.push(child)
    return child
  }
  const joined: Array<Shop> = []
  const disturb = async (fault: (typeof faults)[number], child: ChildProcess | undefined): Promise<void> => {
    met.push(fault)
    switch (fault) {
      case "decider killed":
        child?.kill("SIGKILL")
        return
      case "decider joins": {
        const shop = open(clients[1]({ brokers: bootstrap }))
        await shop.start()
        joined.push(shop)
        return
      }
      case "decider leaves":
        return joined.pop()?.stop()
      default:
        return disturbBroker(world, fault, below)
    }
  }
  const control = new pg.Pool({ connectionString: url, max: 1 })
  control.on("error", () => {})
  try {
    const shop = open(clients[0]({ brokers: [proxy.address] }))
    const names = Array.from({ length: claims }, (_, n) => `buyer-${n}`)
    await Promise.all(names.map((accountId) => shop.points.open({ accountId })))
    const discount = { type: "flat", amount: 1 } as const
    await shop.coupons.createCampaign({ campaignId: "rush", name: "Rush", discount, limit })
    const killed = Array.from(at.values()).includes("decider killed") ? start() : undefined
    if (killed !== undefined) await untilDeciding(killed)
    const accepted: Array<readonly [accountId: string, id: string]> = []
    const firstTold = new Map<string, RequestedCoupon>()
    const disturbed: Array<Promise<void>> = []
    for (const [n, accountId] of names.entries()) {
      const fault = at.get(n)
      if (fault !== undefined) disturbed.push(disturb(fault, killed))
      const claim = { campaignId: "rush", accountId, key: accountId }
      for (;;) {
        const end = await shop.safe.coupons.request(claim)
        if (end.ok) accepted.push([accountId, end.value.requestId])
        if (end.ok) break
        await pause(20)
      }
      // Somebody asks meanwhile: what is told once is so for good.
      const [, asked = ""] = accepted[below(accepted.length)] ?? []
      const told = await shop.safe.coupons.requested(asked)
      if (told.ok && told.value.state !== "waiting" && !firstTold.has(asked)) firstTold.set(asked, told.value)
    }
    await Promise.all(disturbed)
    const outcomes = new Map<string, RequestedCoupon>()
    const until = performance.now() + patienceMillis
    for (const [, id] of accepted) {
      for (;;) {
        const told = await shop.safe.coupons.requested(id)
        if (told.ok) outcomes.set(id, told.value)
        if ((told.ok && told.value.state !== "waiting") || performance.now() > until) break
        await pause(30)
      }
    }
    // Every slice comes again, to others who know nothing of the first ones.
    const again = open(clients[1]({ brokers: bootstrap }), `${topic}.again`)
    await again.start()
    await untilRead(clients[0]({ brokers: bootstrap }), topic, until, transports)
    const later = new Map<string, RequestedCoupon>()
    for (const [, id] of accepted) later.set(id, await again.coupons.requested(id))
    const { rows } = await control.query(`select ticket from ${schema}.coupon order by ticket`)
    const wrong = wrongWith(
      accepted,
      [firstTold, outcomes, later],
      rows.map(({ ticket }) => Number(ticket)),
    )
    if (!(await shop.audit.run()).ok) wrong.push("the audit found something")
    return { seed, faults: met, events: accepted.length, wrong }
  } finally {
    for (const child of children) child.kill("SIGKILL")
    await Promise.all(shops.map((shop) => shop.stop()))
    await Promise.all(transports.map((transport) => transport.close()))
    await control.query(`drop schema if exists ${schema} cascade`)
    await control.end()
  }
}

const untilDeciding = async (child: ChildProcess): Promise<void> => {
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`A process that decides ended while it started: ${code ?? signal}.`)
  })
  // Later it is killed on purpose.
  ended.catch(() => {})
  await Promise.race([once(child.stdout ?? child, "data"), ended])
}

/** Waits until those who came last have read all of the topic once more. */
const untilRead = async (
  transport: KafkaTransport,
  topic: string,
  until: number,
  transports: Array<KafkaTransport>,
): Promise<void> => {
  transports.push(transport)
  while (performance.now() < until) {
    const lag = await transport.lag(`${topic}.again`, topic).catch(() => undefined)
    if (lag !== undefined && Array.from(lag.values()).every((behind) => behind === 0n)) return
    await pause(50)
  }
}

const wrongWith = (
  accepted: ReadonlyArray<readonly [accountId: string, id: string]>,
  told: ReadonlyArray<ReadonlyMap<string, RequestedCoupon>>,
  tickets: ReadonlyArray<number>,
): Array<string> => {
  const wrong: Array<string> = []
  const [first, second, third] = told
  const issued: Array<number> = []
  for (const [accountId, id] of accepted) {
    const last = third?.get(id)
    if (last === undefined || last.state === "waiting") wrong.push(`the request ${id} was never decided`)
    for (const before of [first?.get(id), second?.get(id)]) {
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(last)) {
        wrong.push(`${id} was told ${JSON.stringify(before)}, and later ${JSON.stringify(last)}`)
      }
    }
    if (last?.state === "issued") {
      issued.push(last.coupon.ticket)
      if (last.coupon.accountId !== accountId) wrong.push(`${accountId} was told of ${last.coupon.accountId}'s coupon`)
    }
  }
  const all = Array.from({ length: limit }, (_, n) => n + 1).join()
  if (tickets.join() !== all) wrong.push(`the coupons have the tickets ${tickets.join()}`)
  if (issued.toSorted((left, right) => left - right).join() !== all)
    wrong.push(`told were the tickets ${issued.join()}`)
  return wrong
}
