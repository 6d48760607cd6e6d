/**
 * What the testkit costs and how far it may be believed: the linearizability checkers against trying everything, a long
 * history of one hot key, the profiles on the memory stores, and whether counterexamples replay.
 */
import { conformance, Lin, type Report, Sim, Zoo } from "@holdfast/core/testing"
import { Effect, Ref } from "effect"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, quotientsOf, significant } from "../statistics.ts"

export const scenario: Scenario = {
  name: "testkit",
  about: "the testkit: checkers against brute force, a hot key of 100,000 operations, profiles, replays",
  run,
}

type Figures = Record<string, number>

async function run({ quick, progress }: Context): Promise<Result> {
  progress("random histories, searched and tried in every order")
  const agreement = agreementOf(quick ? 3_000 : 60_000)
  progress("100,000 operations on one hot key, with positions")
  const witnessed = witnessedMillis(quick ? 3 : 7)
  progress("schedules run once and twice")
  const doubled = doubledToSingle(quick ? 3 : 7)
  const profiles: Figures = {}
  let conforms = true
  for (const adapter of Zoo.controls.slice(0, quick ? 1 : 3)) {
    for (const profile of quick ? (["quick"] as const) : (["quick", "standard"] as const)) {
      progress(`${adapter.name}, ${profile}`)
      const { report, seconds, cpuSeconds } = await timed(() =>
        conformance(adapter, { profile, budgetMillis: 120_000 }),
      )
      conforms &&= report.ok
      const name = `${profile}${camel(adapter.name)}`
      profiles[`${name}Seconds`] = significant(seconds, 3)
      profiles[`${name}CpuSeconds`] = significant(cpuSeconds, 3)
    }
  }
  progress("a counterexample, replayed a hundred times")
  const replays = await identicalReplays()
  return {
    ratios: {
      searchToBruteForce: significant(agreement.searchMillis / agreement.bruteMillis, 3),
      hotKeyTenfold: witnessed.tenfold,
      twiceToOnce: doubled,
    },
    figures: {
      histories: agreement.histories,
      agreed: agreement.agreed,
      legal: agreement.legal,
      withUnknownOutcomes: agreement.withUnknown,
      searchMicrosPerHistory: significant((agreement.searchMillis * 1_000) / agreement.histories, 3),
      hotKeyOperations: hotKeyOperations,
      hotKeyMillis: witnessed.millis,
      ...profiles,
      identicalReplaysOf100: replays,
    },
    audit: { ok: conforms && agreement.agreed === agreement.histories && replays === 100 },
    notes,
  }
}

const notes: Readonly<Record<string, string>> = {
  searchToBruteForce: "time to search the histories / time to try every order of them",
  hotKeyTenfold: "one hot key: time for 100,000 operations / time for 10,000; 10 would be linear",
  twiceToOnce: "exploring with every schedule run twice to see that it replays / once",
  agreed: "histories on which search and brute force agree; must be all",
  hotKeyMillis: "checking 100,000 operations on one key by their positions; must be below 1,000",
  identicalReplaysOf100: "replays of one token that broke the same law in the same words; must be 100",
}

/** Small random histories of registers, queues and supplies; one reply in seven is lost. */
const agreementOf = (histories: number) => {
  const total = { histories: 0, agreed: 0, legal: 0, withUnknown: 0, searchMillis: 0, bruteMillis: 0 }
  const compare = <S, I, O>(model: Lin.Model<S, I, O>, history: Lin.History<I, O>): void => {
    const began = performance.now()
    const found = Lin.check(model, history)._tag
    const between = performance.now()
    const legal = Lin.bruteForce(model, history)
    total.searchMillis += between - began
    total.bruteMillis += performance.now() - between
    total.histories++
    if (found === (legal ? "Ok" : "Illegal")) total.agreed++
    if (legal) total.legal++
    if (history.some(({ outcome }) => outcome._tag === "Unknown")) total.withUnknown++
  }
  for (let seed = 0; seed < histories / 3; seed++) {
    const draws = Sim.drawsOf(seed, 0x1171)
    const registerInput = (): Lin.RegisterInput<number> =>
      draws.chance(0.5) ? { op: "read", key: "x" } : { op: "write", key: "x", value: draws.below(3) }
    const read = ({ op }: Lin.RegisterInput<number>) => (op === "read" ? draws.below(3) : undefined)
    compare(Lin.register(0), randomHistory(draws, registerInput, read))
    let put = 0
    const queueInput = (): Lin.QueueInput<number> => (draws.chance(0.5) ? { op: "take" } : { op: "put", value: ++put })
    const take = () => (draws.chance(0.3) ? null : draws.between(1, Math.max(1, put)))
    compare(Lin.queue<number>(), randomHistory(draws, queueInput, take))
    let taken = 0
    const ticket = () => (draws.chance(0.7) ? (taken < 3 ? ++taken : 0) : draws.below(4))
    compare(
      Lin.supply(3),
      randomHistory(draws, () => "tickets", ticket),
    )
  }
  return total
}

const randomHistory = <I, O>(draws: Sim.Draws, input: () => I, output: (input: I) => O): Lin.History<I, O> => {
  const lanes = draws.between(1, 4)
  const free = Array.from({ length: lanes }, () => 0)
  return Array.from({ length: draws.between(2, 7) }, () => {
    const lane = draws.below(lanes)
    const start = (free[lane] ?? 0) + draws.below(5)
    const end = start + draws.below(7)
    free[lane] = end + 1
    const asked = input()
    return draws.chance(0.15) ? Lin.unknown(lane, asked, start) : Lin.known(lane, asked, output(asked), start, end)
  })
}

const hotKeyOperations = 100_000

const witnessedMillis = (rounds: number): { readonly millis: number; readonly tenfold: number } => {
  const large = hotKey(hotKeyOperations)
  const small = hotKey(hotKeyOperations / 10)
  const check = ({ history, tickets }: ReturnType<typeof hotKey>): number => {
    const began = performance.now()
    const verdict = Lin.checkWitnessed(Lin.supply(hotKeyOperations), history, (operation) => tickets.get(operation))
    if (verdict._tag !== "Ok") throw new Error("A legal history was refused.")
    return performance.now() - began
  }
  const samples = Array.from({ length: rounds }, () => [check(large), check(small)] as const)
  const [larges, smalls] = [samples.map(([each]) => each), samples.map(([, each]) => each)]
  return { millis: Math.round(median(larges)), tenfold: significant(median(quotientsOf(larges, smalls)), 3) }
}

/** Tickets of one campaign, some fifty callers at once. One reply in a hundred is lost; its ticket is in the list. */
const hotKey = (operations: number) => {
  const draws = Sim.drawsOf(operations)
  const tickets = new Map<Lin.Operation<string, number>, number>()
  for (let ticket = 1; ticket <= operations; ticket++) {
    const [start, end] = [ticket * 10 - draws.below(250), ticket * 10 + draws.below(250)]
    const lost = draws.chance(0.01)
    tickets.set(lost ? Lin.unknown(ticket, "sale", start) : Lin.known(ticket, "sale", ticket, start, end), ticket)
  }
  return { history: Array.from(tickets.keys()), tickets }
}

/** What it costs to run every schedule twice. */
const doubledToSingle = (rounds: number): number => {
  const program = Effect.gen(function* () {
    const ref = yield* Ref.make(0)
    const add = Effect.andThen(
      Effect.yieldNow,
      Ref.update(ref, (now) => now + 1),
    )
    yield* Effect.all([add, add, add], { concurrency: "unbounded" })
  })
  const explore = (audit: boolean): number => {
    const began = process.cpuUsage()
    Sim.explore({ strategy: Sim.random(1), runs: 400, audit }, program)
    const { user, system } = process.cpuUsage(began)
    return user + system
  }
  explore(true)
  const samples = Array.from({ length: rounds }, () => [explore(true), explore(false)] as const)
  const quotients = quotientsOf(
    samples.map(([twice]) => twice),
    samples.map(([, once]) => once),
  )
  return significant(median(quotients), 3)
}

const timed = async (conform: () => Effect.Effect<Report>) => {
  const [began, used] = [performance.now(), process.cpuUsage()]
  const report = await Effect.runPromise(conform())
  const { user, system } = process.cpuUsage(used)
  return { report, seconds: (performance.now() - began) / 1_000, cpuSeconds: (user + system) / 1e6 }
}

const camel = (name: string): string =>
  name.replace(/(?:^|[^a-z]+)([a-z])/g, (_: string, first: string) => first.toUpperCase())

/** How many of a hundred replays of one token break the same law in the same words. */
const identicalReplays = async (): Promise<number> => {
  const broken = Zoo.mutants.find(({ name }) => name === "lost update on stock")?.adapter
  if (broken === undefined) throw new Error("There is no such mutant.")
  const laws = { laws: "STK-01" } as const
  const found = await Effect.runPromise(conformance(broken, { profile: "quick", ...laws }))
  const [failure] = found.failures
  if (failure === undefined) return 0
  let identical = 0
  for (let time = 0; time < 100; time++) {
    const { failures } = await Effect.runPromise(conformance(broken, { replay: failure.token, ...laws }))
    const [again] = failures
    if (again?.message === failure.message && again.timeline === failure.timeline) identical++
  }
  return identical
}
