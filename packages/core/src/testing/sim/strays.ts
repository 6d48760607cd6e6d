/**
 * Finds programs that reach around the simulation: to the real clock or to real chance.
 *
 * A simulation is one synchronous call, so for its length `Date`, `Math.random` and their like can be others, and nobody
 * outside sees it. The second run of an audit gets answers that differ from the first's; a program that does not depend on
 * them behaves the same, one that does is told apart, and the place of the call is named.
 */

/** A call to the real clock or to real chance, with the place it came from where the runtime shows one. */
export type Stray = string

/** The most strays that are remembered. */
const mostStrays = 5

/** Runs something with a real clock that is moved by `shiftMillis` and with repeatable chance; collects who asks. */
export const watchStrays = <A>(shiftMillis: number, strays: Array<Stray>, run: () => A): A => {
  const note = (what: string): void => {
    if (strays.length < mostStrays) strays.push(`${what}${callerOf(new Error().stack)}`)
  }
  const first = shiftMillis === 0
  const { now: realNow } = Date
  const now = (): number => realNow.call(Date) + shiftMillis
  let asked = 0
  const random = (): number => {
    asked++
    const drawn = ((asked * 7_919) % 9_973) / 9_974
    return first ? drawn : 1 - 1 / 9_974 - drawn
  }
  const RealDate = Date
  const MovedDate = new Proxy(RealDate, {
    construct: (target, values, newTarget) => {
      if (values.length > 0) return Reflect.construct(target, values, newTarget)
      note("new Date()")
      return Reflect.construct(target, [now()], newTarget)
    },
    apply: () => {
      note("Date()")
      return new RealDate(now()).toString()
    },
  })
  // biome-ignore lint/style/noRestrictedGlobals: the outside world is put away here, so that nobody reaches it unseen
  const world = globalThis
  const { performance, crypto } = outsideOf(world)
  const restore = [
    replace(world, "Date", MovedDate),
    replace(RealDate, "now", () => {
      note("Date.now")
      return now()
    }),
    replace(Math, "random", () => {
      note("Math.random")
      return random()
    }),
    // These differ from one run to the next by themselves.
    ...watched(performance, "performance", ["now"], note),
    ...watched(crypto, "crypto", ["randomUUID", "getRandomValues"], note),
  ]
  try {
    return run()
  } finally {
    for (const each of restore) each()
  }
}

/** What not every runtime has. */
const outsideOf = (world: object): { readonly performance: unknown; readonly crypto: unknown } => ({
  performance: Reflect.get(world, "performance"),
  crypto: Reflect.get(world, "crypto"),
})

/** Notes calls of some methods, and lets them through. */
const watched = (
  object: unknown,
  name: string,
  methods: ReadonlyArray<string>,
  note: (what: string) => void,
): ReadonlyArray<() => void> =>
  typeof object !== "object" || object === null
    ? []
    : methods.flatMap((method) => {
        const real: unknown = Reflect.get(object, method)
        if (typeof real !== "function") return []
        const noted = (...values: ReadonlyArray<unknown>): unknown => {
          note(`${name}.${method}`)
          return Reflect.apply(real, object, values)
        }
        return [replace(object, method, noted)]
      })

/** Puts something in the place of a property, and answers how to put it back as it was. */
const replace = (object: object, name: string, value: unknown): (() => void) => {
  const before = Reflect.getOwnPropertyDescriptor(object, name)
  Reflect.defineProperty(object, name, {
    value,
    writable: true,
    configurable: true,
    enumerable: before?.enumerable ?? false,
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(object, name)
    else Reflect.defineProperty(object, name, before)
  }
}

/** The first line of a stack that is neither this file nor the runtime of effect. */
const callerOf = (stack: string | undefined): string => {
  const line = stack
    ?.split("\n")
    .slice(1)
    .find((each) => !each.includes("strays.") && !each.includes("/effect/") && !each.includes("Reflect."))
  return line === undefined ? "" : ` (${line.trim()})`
}
