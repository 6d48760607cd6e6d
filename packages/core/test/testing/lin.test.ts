import { Effect, Ref } from "effect"
import { describe, expect, it } from "vitest"
import * as Append from "../../src/testing/Append.ts"
import * as Lin from "../../src/testing/Lin.ts"
import * as Sim from "../../src/testing/Sim.ts"
import { type Draws, drawsOf } from "../../src/testing/Sim.ts"

/** Intervals in which each of a few lanes does one thing at a time; some replies are lost. */
const randomHistory = <I, O>(draws: Draws, input: () => I, output: (input: I) => O): Lin.History<I, O> => {
  const operations: Array<Lin.Operation<I, O>> = []
  const lanes = draws.between(1, 4)
  const free = Array.from({ length: lanes }, () => 0)
  const count = draws.between(2, 7)
  for (let index = 0; index < count; index++) {
    const lane = draws.below(lanes)
    const start = (free[lane] ?? 0) + draws.below(5)
    const end = start + draws.below(7)
    free[lane] = end + 1
    const asked = input()
    operations.push(
      draws.chance(0.15) ? Lin.unknown(lane, asked, start) : Lin.known(lane, asked, output(asked), start, end),
    )
  }
  return operations
}

const families = {
  registers: (draws: Draws) => {
    const model = Lin.register(0)
    const input = (): Lin.RegisterInput<number> => {
      const key = draws.chance(0.8) ? "x" : "y"
      return draws.chance(0.5) ? { op: "read", key } : { op: "write", key, value: draws.below(3) }
    }
    const history = randomHistory(draws, input, ({ op }) => (op === "read" ? draws.below(3) : undefined))
    return [Lin.check(model, history)._tag, Lin.bruteForce(model, history)] as const
  },
  "registers whose model says what is a read": (draws: Draws) => {
    const model: Lin.Model<number, Lin.RegisterInput<number>, number | undefined> = {
      ...Lin.register(0),
      isRead: ({ op }) => op === "read",
    }
    const input = (): Lin.RegisterInput<number> =>
      draws.chance(0.5) ? { op: "read", key: "x" } : { op: "write", key: "x", value: draws.below(3) }
    const history = randomHistory(draws, input, ({ op }) => (op === "read" ? draws.below(3) : undefined))
    return [Lin.check(model, history)._tag, Lin.bruteForce(model, history)] as const
  },
  queues: (draws: Draws) => {
    const model = Lin.queue<number>()
    let next = 0
    const input = (): Lin.QueueInput<number> => (draws.chance(0.5) ? { op: "take" } : { op: "put", value: ++next })
    const output = ({ op }: Lin.QueueInput<number>) =>
      op === "put" ? 0 : draws.chance(0.3) ? null : draws.between(1, Math.max(1, next))
    const history = randomHistory(draws, input, output)
    return [Lin.check(model, history)._tag, Lin.bruteForce(model, history)] as const
  },
  supplies: (draws: Draws) => {
    const model = Lin.supply(3)
    let taken = 0
    const output = () => (draws.chance(0.7) ? (taken < 3 ? ++taken : 0) : draws.below(4))
    const history = randomHistory(draws, () => "tickets", output)
    return [Lin.check(model, history)._tag, Lin.bruteForce(model, history)] as const
  },
}

describe("Lin.check", () => {
  for (const [name, family] of Object.entries(families)) {
    it(`agrees with brute force on 17,000 random histories: ${name}`, () => {
      const counts = { Ok: 0, Illegal: 0 }
      for (let seed = 0; seed < 17_000; seed++) {
        const [verdict, legal] = family(drawsOf(seed, 11))
        if (verdict !== (legal ? "Ok" : "Illegal"))
          expect.fail(`${name}, seed ${seed}: ${verdict}, brute force ${legal}`)
        counts[verdict]++
      }
      // Neither verdict is rare, so that agreement means something.
      expect(counts.Ok).toBeGreaterThan(1_500)
      expect(counts.Illegal).toBeGreaterThan(1_500)
    })
  }

  it("allows answers in either order while calls overlap, ends included", () => {
    const write = Lin.known(0, { op: "write", key: "x", value: 1 } as const, undefined, 0, 5)
    const read = (start: number, value: number) => Lin.known(1, { op: "read", key: "x" } as const, value, start, 9)
    expect(Lin.check(Lin.register(0), [write, read(5, 0)])._tag).toBe("Ok")
    expect(Lin.check(Lin.register(0), [write, read(6, 0)])._tag).toBe("Illegal")
  })

  it("says Unknown where its budget ends, and never passes", () => {
    const history = Array.from({ length: 14 }, (_, index) =>
      Lin.known(index, { op: "take" } as const, index === 13 ? 99 : null, 0, 100),
    )
    const puts = Array.from({ length: 8 }, (_, index) =>
      Lin.known(20 + index, { op: "put", value: index } as const, null, 0, 100),
    )
    const verdict = Lin.check(Lin.queue<number>(), [...puts, ...history], { maxSteps: 5_000 })
    expect(verdict).toMatchObject({ _tag: "Unknown", keys: [""] })
  })
})

interface TextInput {
  readonly op: "read" | "append" | "put"
  readonly key: string
  readonly value: string
}

/** Texts under keys. What is a read is not said, as with most models that people bring along. */
const texts: Lin.Model<string, TextInput, string> = {
  init: "",
  step: (text, { op, value }, output) => {
    if (op === "read") return output === undefined || output === text ? text : undefined
    return op === "put" ? value : text + value
  },
  key: ({ key }) => key,
}

/** 1,700 calls by 50 callers on 10 keys: each happens at some moment while it lasts, some last long. */
const busyHistory = (seed: number): Array<Lin.Operation<TextInput, string>> => {
  const draws = drawsOf(seed, 50)
  const calls: Array<{ lane: number; input: TextInput; start: number; at: number; end: number }> = []
  const free = Array.from({ length: 50 }, () => draws.below(50))
  for (let index = 0; index < 1_700; index++) {
    const lane = free.indexOf(Math.min(...free))
    const start = (free[lane] ?? 0) + draws.below(20)
    const end = start + draws.between(1, draws.chance(0.1) ? 400 : 40)
    free[lane] = end + 1
    const op = draws.chance(0.5) ? "read" : draws.chance(0.9) ? "append" : "put"
    const input: TextInput = { op, key: `${draws.below(10)}`, value: `${lane}.${index} ` }
    calls.push({ lane, input, start, at: start + draws.below(1_000) * ((end - start) / 1_000), end })
  }
  const now = new Map<string, string>()
  return calls
    .toSorted((left, right) => left.at - right.at)
    .map(({ lane, input, start, end }) => {
      const { op, key, value } = input
      const text = now.get(key) ?? ""
      if (op !== "read") now.set(key, op === "put" ? value : text + value)
      return Lin.known(lane, input, op === "read" ? text : "", start, end)
    })
}

describe("Lin.check on 1,700 calls by 50 callers", () => {
  // Steps, not time. Without a limit on detours the search for seed 2 took thirty times as long.
  const options = { maxSteps: 1_000_000 }
  for (const seed of [0, 1, 2, 3, 5, 6]) {
    it(`finds an order in few steps: seed ${seed}`, () => {
      expect(Lin.check(texts, busyHistory(seed), options)._tag).toBe("Ok")
    })
    it(`sees one stale read in it: seed ${seed}`, () => {
      const history = busyHistory(seed)
      const at = history.findLastIndex(({ input }) => input.op === "read")
      const { lane, input, start } = history[at] ?? expect.fail("nothing was read")
      history[at] = Lin.known(lane, input, "nothing", start, start + 1)
      const isRead = ({ op }: TextInput) => op === "read"
      const verdict = Lin.check({ ...texts, isRead }, history, { maxSteps: 20_000_000 })
      expect(verdict).toMatchObject({ _tag: "Illegal", key: input.key })
    })
  }
})

describe("Lin.checkWitnessed", () => {
  const ticket = (lane: number, output: number, start: number, end: number) => Lin.known(lane, "c", output, start, end)
  const positionOf = ({ outcome }: Lin.Operation<string, number>) =>
    outcome._tag === "Known" && outcome.output > 0 ? outcome.output : undefined
  const check = (...history: Lin.History<string, number>) => Lin.checkWitnessed(Lin.supply(2), history, positionOf)

  it("accepts tickets in an order that time allows", () => {
    expect(check(ticket(0, 2, 0, 9), ticket(1, 1, 3, 5), ticket(2, 0, 10, 11))._tag).toBe("Ok")
  })
  it("refutes a later caller's earlier ticket", () => {
    expect(check(ticket(0, 2, 0, 1), ticket(1, 1, 3, 5))).toMatchObject({ _tag: "Illegal" })
  })
  it("refutes gaps, doubles and a false sold-out", () => {
    expect(check(ticket(0, 2, 0, 1))).toMatchObject({ message: expect.stringContaining("Nothing is at position 1") })
    expect(check(ticket(0, 1, 0, 1), ticket(1, 1, 0, 1))).toMatchObject({ message: expect.stringContaining("Two") })
    expect(check(ticket(0, 1, 0, 9), ticket(1, 0, 1, 2))).toMatchObject({
      message: expect.stringContaining("No state"),
    })
  })
  it("agrees with the search wherever every success shows its position", () => {
    let illegal = 0
    for (let seed = 0; seed < 3_000; seed++) {
      const draws = drawsOf(seed, 3)
      let taken = 0
      const history = randomHistory(
        draws,
        () => "c",
        () => (draws.chance(0.85) ? (taken < 2 ? ++taken : 0) : draws.below(3)),
      ).filter(({ outcome }) => outcome._tag === "Known")
      const searched = Lin.check(Lin.supply(2), history)._tag
      expect(Lin.checkWitnessed(Lin.supply(2), history, positionOf)._tag, `seed ${seed}`).toBe(searched)
      if (searched === "Illegal") illegal++
    }
    expect(illegal).toBeGreaterThan(300)
  })
})

describe("Append.check", () => {
  const append = (element: string, start: number, end?: number): Append.Appended => ({ list: "l", element, start, end })
  const read = (elements: string, start: number, end: number): Append.Seen => ({
    list: "l",
    elements: Array.from(elements),
    start,
    end,
  })
  const anomaly = (final: string, appends: ReadonlyArray<Append.Appended>, reads: ReadonlyArray<Append.Seen> = []) =>
    Append.check({ appends, reads, final: new Map([["l", Array.from(final)]]) })?.anomaly

  it("names each anomaly", () => {
    const ab = [append("a", 0, 1), append("b", 2, 3)]
    expect(anomaly("ab", ab, [read("a", 1, 2), read("ab", 4, 5)])).toBeUndefined()
    expect(anomaly("aab", ab)).toBe("duplicate")
    expect(anomaly("abc", ab)).toBe("phantom")
    expect(anomaly("a", ab)).toBe("lost")
    expect(anomaly("ba", ab)).toBe("reordered")
    expect(anomaly("ab", ab, [read("b", 4, 5)])).toBe("not-a-prefix")
    expect(anomaly("ab", ab, [read("a", 4, 5)])).toBe("stale")
    expect(anomaly("ab", [append("a", 0, 9), append("b", 0, 9)], [read("a", 1, 2), read("", 3, 4)])).toBe("stale")
  })
  it("lets an append of unknown outcome be there or not", () => {
    expect(anomaly("a", [append("a", 0)])).toBeUndefined()
    expect(anomaly("", [append("a", 0)])).toBeUndefined()
  })
})

describe("History.recorder", () => {
  it("records a stranger's register under simulation, and the checker finds its lost write", () => {
    const program = Effect.gen(function* () {
      const ref = yield* Ref.make(0)
      const { record, history } = Lin.recorder<number, number>()
      // Adds to what was read a step earlier.
      const add = (lane: number) =>
        record(
          lane,
          1,
          Effect.flatMap(Ref.get(ref), (now) => Effect.as(Ref.set(ref, now + 1), now + 1)),
        )
      yield* Effect.all([add(0), add(1)], { concurrency: "unbounded" })
      const model: Lin.Model<number, number, number> = {
        init: 0,
        step: (sum, input, output) => (output === undefined || output === sum + input ? sum + input : undefined),
      }
      const verdict = Lin.check(model, history())
      if (verdict._tag !== "Ok") return yield* Effect.fail(verdict)
    })
    expect(Sim.explore({ strategy: Sim.exhaustive({ switches: 1 }) }, program).failure).toBeDefined()
  })

  it("keeps an interrupted call as unknown, and gives its lane up", () => {
    const recorder = Lin.recorder<string, number>()
    Sim.run(
      Effect.gen(function* () {
        yield* Effect.timeoutOption(recorder.record(0, "slow", Effect.never), 10)
        yield* recorder.record(0, "quick", Effect.succeed(1))
      }),
    )
    const [slow, quick] = recorder.history()
    expect(slow?.outcome._tag).toBe("Unknown")
    expect(quick).toMatchObject({ outcome: { _tag: "Known", output: 1 } })
    expect(quick?.lane).not.toBe(slow?.lane)
  })
})
