/**
 * Finds programs that reach around the simulation: to the real clock or to real chance.
 *
 * A simulation is one synchronous call, so for its length `Date.now` and `Math.random` can answer something else, and
 * nobody outside sees it. The second run of an audit gets answers that differ from the first's; a program that does not
 * depend on them behaves the same, one that does is told apart, and the place of the call is named.
 */

/** A call to the real clock or to real chance, with the place it came from where the runtime shows one. */
export type Stray = string

/** The most strays that are remembered. */
const mostStrays = 5

/** Runs something with a real clock that is moved by `shiftMillis` and with repeatable chance; collects who asks. */
export const watchStrays = <A>(shiftMillis: number, strays: Array<Stray>, run: () => A): A => {
  const { now } = Date
  const { random } = Math
  let asked = 0
  const note = (what: string): void => {
    if (strays.length < mostStrays) strays.push(`${what}${callerOf(new Error().stack)}`)
  }
  Reflect.set(Date, "now", () => {
    note("Date.now")
    return now.call(Date) + shiftMillis
  })
  Reflect.set(Math, "random", () => {
    note("Math.random")
    asked++
    const drawn = ((asked * 7_919) % 9_973) / 9_974
    return shiftMillis === 0 ? drawn : 1 - 1 / 9_974 - drawn
  })
  try {
    return run()
  } finally {
    Reflect.set(Date, "now", now)
    Reflect.set(Math, "random", random)
  }
}

/** The first line of a stack that is neither this file nor the runtime of effect. */
const callerOf = (stack: string | undefined): string => {
  const line = stack
    ?.split("\n")
    .slice(1)
    .find((each) => !each.includes("strays.") && !each.includes("/effect/"))
  return line === undefined ? "" : ` (${line.trim()})`
}
