/**
 * Kafka for tests: private brokers out of their Maven artifacts, with Java. Each is broker and controller at once, takes
 * some 150 MB, is ready in about 3 s, and ends with the process that started it.
 *
 * A broker that was killed is back after some 5 s: its controller first waits until the old session is over.
 */
import { execFile } from "node:child_process"
import { chmodSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { promisify } from "node:util"
import { freePort } from "./freePort.ts"
import { Keeper, type Kept } from "./Keeper.ts"
import { jarsTrouble, kafkaJars } from "./kafkaJars.ts"
import { leaveOut } from "./leaveOut.ts"
import { commandMillis } from "./limits.ts"
import { wanted } from "./wanted.ts"

export interface KafkaOptions {
  /** How many brokers. Topics are kept by three of them where there are three or more. 1. */
  readonly brokers?: number
  /** Settings beside the usual ones, as `name=value`. */
  readonly settings?: ReadonlyArray<string>
  /** For one more way in, which is encrypted and asks for a password. */
  readonly secured?: KafkaSecurity
}

interface KafkaSecurity {
  /** The broker's certificate and its key, PKCS 8, both as PEM. */
  readonly certificate: string
  readonly key: string
  readonly username: string
  readonly password: string
}

/** One broker of a cluster. */
export interface KafkaBroker {
  /** `host:port`, for clients that reach it directly. */
  readonly address: string
  /** The way through a proxy: clients that ask at `address` are told `address` again, which the proxy forwards to `port`. */
  readonly proxied: { readonly address: string; readonly port: number }
  /** The way in that is encrypted and asks for a password, where there is one: `localhost:port`. */
  readonly secured: string | undefined
  /** Kills it as a crash would. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same data and ports. */
  readonly restart: () => Promise<void>
  /** Stops it in the middle of whatever it does, until it is thawed. Its connections stay open. */
  readonly freeze: () => void
  readonly thaw: () => void
}

/** A Kafka cluster. */
export interface Kafka {
  readonly brokers: ReadonlyArray<KafkaBroker>
  /** The addresses of all brokers. */
  readonly bootstrap: ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

/** Brokers of our own; undefined, and noted as left out, where there are none. */
export const privateKafka = async (who: string, options: KafkaOptions = {}): Promise<Kafka | undefined> => {
  const trouble = jarsTrouble()
  if (wanted() === "docker") {
    throw new Error("HOLDFAST_SERVICES=docker was asked for, but Kafka is run out of its Maven artifacts only.")
  }
  if (trouble !== undefined) {
    leaveOut(`${who}: no Kafka here (${trouble})`)
    return undefined
  }
  const jars = await kafkaJars()
  const keeper = new Keeper("kafka", undefined)
  try {
    const nodes: Array<Node> = []
    for (let id = 1; id <= (options.brokers ?? 1); id++) {
      const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const
      nodes.push({ id, ports, secured: options.secured === undefined ? undefined : await freePort() })
    }
    const log = join(keeper.folder, "log4j2.properties")
    await writeFile(log, logging)
    // The star is Java's to resolve.
    const java = [...heap, `-Dlog4j2.configurationFile=${log}`, "-cp", join(jars, "*")]
    const brokers = await Promise.all(
      nodes.map((node) => keptBroker(keeper, java, node, settingsOf(keeper.folder, node, nodes, options))),
    )
    return { brokers, bootstrap: brokers.map(({ address }) => address), stop: () => keeper.close() }
  } catch (cause) {
    const words = keeper.lastWords
    await keeper.close()
    throw new Error(`Kafka did not start: ${words}`, { cause })
  }
}

interface Node {
  readonly id: number
  /** Of clients, of the proxy's way in, of what that is told to clients, and of controllers. */
  readonly ports: readonly [clients: number, behindProxy: number, proxy: number, controller: number]
  readonly secured: number | undefined
}

const heap = [
  ...["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"],
  ...["-Djava.net.preferIPv4Stack=true", "-Djava.awt.headless=true"],
]

const logging = `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
`

const settingsOf = (
  folder: string,
  { id, ports: [clients, behindProxy, proxy, controller], secured: port }: Node,
  all: ReadonlyArray<Node>,
  { settings = [], secured }: KafkaOptions,
): ReadonlyArray<string> => {
  const more = port === undefined ? "" : `,SECURED://localhost:${port}`
  const copies = Math.min(3, all.length)
  const enough = copies === 3 ? 2 : 1
  return [
    "process.roles=broker,controller",
    `node.id=${id}`,
    `controller.quorum.voters=${all.map((node) => `${node.id}@127.0.0.1:${node.ports[3]}`).join(",")}`,
    `listeners=CLIENTS://127.0.0.1:${clients},PROXIED://127.0.0.1:${behindProxy},CONTROLLER://127.0.0.1:${controller}${more}`,
    `advertised.listeners=CLIENTS://127.0.0.1:${clients},PROXIED://127.0.0.1:${proxy}${more}`,
    "listener.security.protocol.map=CLIENTS:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
    ...(secured === undefined ? [] : securedBy(secured)),
    "controller.listener.names=CONTROLLER",
    "inter.broker.listener.name=CLIENTS",
    `log.dirs=${join(folder, `node-${id}`)}`,
    `default.replication.factor=${copies}`,
    `min.insync.replicas=${enough}`,
    ...["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"].flatMap((topic) => [
      `${topic}.replication.factor=${copies}`,
      `${topic}.num.partitions=1`,
    ]),
    `transaction.state.log.min.isr=${enough}`,
    `share.coordinator.state.topic.min.isr=${enough}`,
    "auto.create.topics.enable=false",
    // Short sessions, so that a crash is noticed soon, and no wait for members that never come.
    "group.initial.rebalance.delay.ms=0",
    "group.min.session.timeout.ms=1000",
    "broker.session.timeout.ms=3000",
    "broker.heartbeat.interval.ms=500",
    // One machine runs all of it.
    "log.cleaner.dedupe.buffer.size=2097152",
    "num.network.threads=1",
    "num.io.threads=2",
    "background.threads=1",
    "group.coordinator.threads=1",
    "share.coordinator.threads=1",
    ...settings,
  ]
}

const securedBy = ({ certificate, key, username, password }: KafkaSecurity): ReadonlyArray<string> => {
  const onOneLine = (pem: string) => pem.trim().replaceAll("\n", "\\n")
  const login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
  return [
    "listener.name.secured.ssl.keystore.type=PEM",
    `listener.name.secured.ssl.keystore.certificate.chain=${onOneLine(certificate)}`,
    `listener.name.secured.ssl.keystore.key=${onOneLine(key)}`,
    "listener.name.secured.sasl.enabled.mechanisms=PLAIN",
    `listener.name.secured.plain.sasl.jaas.config=${login} user_${username}="${password}";`,
  ]
}

const clusterId = "MkU3OEVBNTcwNTJENDM2Qk"

const keptBroker = async (
  keeper: Keeper,
  java: ReadonlyArray<string>,
  { id, ports: [clients, behindProxy, proxy], secured }: Node,
  settings: ReadonlyArray<string>,
): Promise<KafkaBroker> => {
  const file = join(keeper.folder, `node-${id}.properties`)
  await writeFile(file, `${settings.join("\n")}\n`)
  chmodSync(file, 0o600)
  const format = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", clusterId, "-c", file]
  await promisify(execFile)("java", [...java, ...format], { cwd: keeper.folder, timeout: commandMillis })
  const start = async (): Promise<Kept> => {
    const server = await keeper.start({
      command: "java",
      args: [...java, "kafka.Kafka", file],
      env: process.env,
      endBy: "SIGKILL",
    })
    await untilAnswers(clients, server.ended)
    return server
  }
  let server = await start()
  return {
    address: `127.0.0.1:${clients}`,
    proxied: { address: `127.0.0.1:${proxy}`, port: behindProxy },
    secured: secured === undefined ? undefined : `localhost:${secured}`,
    kill: () => server.end("SIGKILL"),
    restart: async () => {
      server = await start()
    },
    freeze: () => void process.kill(server.pid, "SIGSTOP"),
    thaw: () => void process.kill(server.pid, "SIGCONT"),
  }
}

/** How often a broker that starts is asked. */
const askMillis = 50

/** Waits until a broker takes requests, which is when it is a member of its cluster, or has ended. */
const untilAnswers = async (port: number, ended: () => string | undefined): Promise<void> => {
  const giveUpAt = performance.now() + commandMillis
  while (!(await answers(port))) {
    const why = ended()
    if (why !== undefined) throw new Error(`The broker ended while it started: ${why}.`)
    if (performance.now() > giveUpAt) throw new Error("The broker does not answer.")
    await new Promise((resolve) => setTimeout(resolve, askMillis))
  }
}

/** ApiVersions, version 0: length, key, version, correlation, no client. */
const question = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff])

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(question))
    socket.once("data", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
    socket.once("close", () => resolve(false))
  })
