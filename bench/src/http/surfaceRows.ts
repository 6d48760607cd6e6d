/**
 * The surface beside a bare handler: both servers run all the time on the same core and are asked in short turns, so that
 * a busy neighbour on the machine meets both alike.
 */
import { median, quotientsOf, significant, spreadText } from "../statistics.ts"
import { type Generating, type Serving, startServer } from "./processes.ts"

const connections = 64
const kinds = ["bare", "surface"] as const
const verbs = ["get", "post"] as const
type Name = `${(typeof kinds)[number]} ${(typeof verbs)[number]}`

interface Row {
  readonly perSecond: number
  readonly p99Millis: number
  /** CPU time of the server per answer. */
  readonly cpuMicros: number
  /** The share of its core that the server had. */
  readonly utilisation: number
}

export interface SurfaceSizes {
  readonly rounds: number
  /** Per server and method, once: what is compared is code that is compiled. */
  readonly warmMillis: number
  readonly millis: number
}

export const surfaceRows = async (
  generator: Generating,
  core: number,
  { rounds, warmMillis, millis }: SurfaceSizes,
  progress: (text: string) => void,
) => {
  const [bare, surface] = [await startServer("bare", core), await startServer("surface", core)]
  const servers = { bare, surface }
  const rows = new Map<Name, Array<Row>>()
  let busiestGenerator = 0
  const ask = async (server: Serving, verb: (typeof verbs)[number], time: number): Promise<Row> => {
    const [began, before] = [performance.now(), await server.cpuMicros()]
    const streams = [{ kind: verb === "get" ? ("read" as const) : ("order" as const), connections }]
    const { heard, answers, utilisation } = await generator.run({
      port: server.port,
      streams,
      warmMillis: 100,
      millis: time,
    })
    const cpu = (await server.cpuMicros()) - before
    busiestGenerator = Math.max(busiestGenerator, utilisation)
    const { perSecond = 0, p99Millis = 0 } = heard[0] ?? {}
    return { perSecond, p99Millis, cpuMicros: cpu / answers, utilisation: cpu / 1_000 / (performance.now() - began) }
  }
  progress("surface: warming up")
  for (const verb of verbs) for (const kind of kinds) await ask(servers[kind], verb, warmMillis)
  for (let round = 0; round < rounds; round++) {
    progress(`surface: round ${round + 1} of ${rounds}`)
    for (const verb of verbs) {
      // Whoever comes second may find the core warmer.
      for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
        const name: Name = `${kind} ${verb}`
        rows.set(name, [...(rows.get(name) ?? []), await ask(servers[kind], verb, millis)])
      }
    }
  }
  for (const kind of kinds) servers[kind].stop()
  return summaryOf(rows, busiestGenerator, progress)
}

const summaryOf = (
  rows: ReadonlyMap<Name, ReadonlyArray<Row>>,
  generatorUtilisation: number,
  progress: (text: string) => void,
) => {
  const values = (name: Name, of: keyof Row) => (rows.get(name) ?? []).map((row) => row[of])
  const ratio = (above: Name, below: Name, of: keyof Row): number => {
    const quotients = quotientsOf(values(above, of), values(below, of))
    progress(`${above} / ${below} (${of}): ${spreadText(quotients)}`)
    return significant(median(quotients), 3)
  }
  const figure = (name: Name, of: keyof Row): number => significant(median(values(name, of)), 3)
  return {
    ratios: {
      getToBare: ratio("surface get", "bare get", "perSecond"),
      postToBare: ratio("surface post", "bare post", "perSecond"),
      getP99ToBare: ratio("surface get", "bare get", "p99Millis"),
      postP99ToBare: ratio("surface post", "bare post", "p99Millis"),
      getCpuToBare: ratio("bare get", "surface get", "cpuMicros"),
      postCpuToBare: ratio("bare post", "surface post", "cpuMicros"),
    },
    figures: {
      bareGetPerSecond: figure("bare get", "perSecond"),
      surfaceGetPerSecond: figure("surface get", "perSecond"),
      barePostPerSecond: figure("bare post", "perSecond"),
      surfacePostPerSecond: figure("surface post", "perSecond"),
      surfaceGetP99Millis: figure("surface get", "p99Millis"),
      surfacePostP99Millis: figure("surface post", "p99Millis"),
      bareGetCpuMicros: figure("bare get", "cpuMicros"),
      surfaceGetCpuMicros: figure("surface get", "cpuMicros"),
      barePostCpuMicros: figure("bare post", "cpuMicros"),
      surfacePostCpuMicros: figure("surface post", "cpuMicros"),
      bareGetUtilisation: figure("bare get", "utilisation"),
      surfacePostUtilisation: figure("surface post", "utilisation"),
      generatorUtilisation: significant(generatorUtilisation, 3),
    },
  }
}
