/**
 * What was thrown, as text. Anything can be thrown: an error whose message is a getter that throws, a revoked proxy, an
 * object without a prototype. Whatever reports a failure must not fail over it, so every unknown value becomes text here
 * and nowhere else, and these functions answer for every value there is.
 */
import { Cause, Inspectable } from "effect"

/** What a value is called that refuses every way to be read. */
const unreadable = "something that cannot be printed"

/** What was thrown, as one line where its author wrote one line. Never empty, never throws. */
export const textOfThrown = (thrown: unknown): string =>
  firstText([
    () => (typeof thrown === "string" ? thrown : undefined),
    () => (thrown instanceof Error ? textOfError(thrown) : undefined),
    () => tellingJson(thrown),
    () => String(thrown),
  ]) ?? unreadable

/** The same without the name of an error's class, for sentences of ours. */
export const messageOfThrown = (thrown: unknown): string =>
  firstText([() => (thrown instanceof Error ? thrown.message : undefined)]) ?? textOfThrown(thrown)

/** Where it was thrown, for the fields of a log record; undefined where it does not say. */
export const stackOfThrown = (thrown: unknown): string | undefined =>
  firstText([() => (thrown instanceof Error ? thrown.stack : undefined)])

/** What a fiber ended with, with stacks where there are any. Never empty, never throws. */
export const textOfCause = (cause: Cause.Cause<unknown>): string =>
  firstText([() => Cause.pretty(cause), () => textOfThrown(Cause.squash(cause))]) ?? unreadable

/**
 * What a look by a host's own code saw; undefined where it threw. A tracer or logger only watches: what it watches must not
 * fail because of it.
 */
export const quietly = <A>(look: () => A): A | undefined => {
  try {
    const seen = look()
    // Whoever is only told may be an async function: nobody waits for it, and its rejection must not end the process.
    if (seen instanceof Promise) seen.catch(() => {})
    return seen
  } catch {
    return undefined
  }
}

/** Errors of another realm and objects that keep their fields to themselves are `{}` as JSON, which tells nothing. */
const tellingJson = (thrown: unknown): string | undefined => {
  const json = Inspectable.toStringUnknown(thrown, 0)
  return json === "{}" ? undefined : json
}

const textOfError = (error: Error): string => {
  const name = firstText([() => error.name]) ?? "Error"
  return firstText([() => (error.message === "" ? name : `${name}: ${error.message}`)]) ?? `${name}: ${unreadable}`
}

/** The answer of the first attempt that neither throws nor answers anything but text. */
const firstText = (attempts: ReadonlyArray<() => unknown>): string | undefined => {
  for (const attempt of attempts) {
    try {
      const text = attempt()
      if (typeof text === "string" && text !== "") return text
    } catch {
      // What throws while it is read has said nothing; the next way may work.
    }
  }
  return undefined
}
