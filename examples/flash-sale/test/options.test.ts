import { describe, expect, test } from "vitest"
import { parseOptions, UsageError } from "../src/options.ts"
import { planOf, price } from "../src/plan.ts"

describe("the command line", () => {
  test("has a default for everything", () => {
    expect(parseOptions([])).toMatchObject({ buyers: 5_000, stock: 100, coupons: 100, store: "pglite", json: false })
  })

  test("takes numbers with and without an equals sign", () => {
    expect(parseOptions(["--buyers", "1", "--stock=0", "--coupons", "0", "--seed=7", "--json"])).toMatchObject({
      buyers: 1,
      stock: 0,
      coupons: 0,
      seed: 7,
      json: true,
    })
  })

  test("takes the server from --url before the environment, and only where it is asked for", () => {
    const environment = { DATABASE_URL: "postgres://environment/shop" }
    const url = (...args: ReadonlyArray<string>) => parseOptions(args, environment).url
    expect(url("--store", "postgres")).toBe("postgres://environment/shop")
    expect(url("--store", "postgres", "--url", "postgres://flag/shop")).toBe("postgres://flag/shop")
    expect(url()).toBeUndefined()
  })

  test.each([
    [["--buyers", "0"], '--buyers must be a whole number from 1 to 1000000, and not "0".'],
    [["--stock", "1.5"], '--stock must be a whole number from 0 to 1000000, and not "1.5".'],
    [["--coupons", ""], '--coupons must be a whole number from 0 to 1000000, and not "".'],
    [["--seed", "1e3"], '--seed must be a whole number from 0 to 4294967295, and not "1e3".'],
    [["--store", "paper"], 'There is no store "paper". There is: pglite, postgres, memory.'],
    [["--store", "postgres"], "--store postgres needs --url or DATABASE_URL."],
    [["--url", "postgres://somewhere/shop"], "--url belongs to --store postgres."],
    [["--buyer", "3"], "Unknown option '--buyer'. See --help."],
    [["--seed", "-3"], "Option '--seed' argument is ambiguous. See --help."],
    [["now"], "Unexpected argument 'now'. See --help."],
  ])("refuses %j in one sentence", (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(new UsageError(sentence))
  })
})

describe("a plan", () => {
  const plan = (seed: number) => planOf({ buyers: 2_000, stock: 100, coupons: 10, seed, run: "r" })
  const crowd = (seed: number) => Array.from({ length: 2_000 }, (_, index) => plan(seed).buyer(index))

  test("is the same for the same seed, in whatever order buyers are asked for", () => {
    expect(crowd(7).toReversed()).toEqual(Array.from({ length: 2_000 }, (_, index) => plan(7).buyer(1_999 - index)))
  })

  test("differs between seeds", () => {
    expect(crowd(7)).not.toEqual(crowd(8))
  })

  test("has buyers of every habit", () => {
    const buyers = crowd(7)
    const share = (has: (buyer: (typeof buyers)[number]) => boolean) => buyers.filter(has).length / buyers.length
    expect(share(({ points }) => points < price)).toBeCloseTo(0.2, 1)
    expect(share(({ doubleClicks }) => doubleClicks)).toBeCloseTo(0.1, 1)
    expect(share(({ changesMind }) => changesMind)).toBeCloseTo(0.15, 1)
    expect(share(({ couponFirst }) => couponFirst)).toBeGreaterThan(0.95)
  })
})
