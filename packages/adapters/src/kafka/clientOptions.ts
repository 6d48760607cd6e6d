/**
 * What both clients are told, checked before anything is opened: a word that a client does not know is passed over by it, and
 * with the word for TLS everything would be sent in plain text.
 */
import { Options } from "@holdfast/core"

/** What is checked in the same way for both. */
interface Common {
  readonly brokers: ReadonlyArray<string>
  readonly clientId?: string | undefined
  readonly sasl?: object | undefined
  readonly options?: object | undefined
}

export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isBroker = (value: unknown): boolean => {
  const found = typeof value === "string" ? /^(?:\[[\da-f:.]+(?:%\w+)?\]|[^\s:[\]/@,]+):(\d{1,5})$/i.exec(value) : null
  return found !== null && Number(found[1]) >= 1 && Number(found[1]) <= 65_535
}

export const commonChecks: Options.Checks<Common> = {
  brokers: Options.must(
    'a list of one or more "host:port"',
    (value) => Array.isArray(value) && value.length > 0 && value.every(isBroker),
  ),
  clientId: Options.must("text", (value) => typeof value === "string" && value !== ""),
  sasl: Options.must("an object", isObject),
  options: Options.must("an object", isObject),
}

/** Throws where the options are not as the checks say, name no brokers, or say TLS in the other client's word. */
export const checkClient = <Of extends Common>(
  options: Of,
  checks: Options.Checks<Of>,
  words: { readonly theirs: string; readonly ours: string },
): void => {
  const { theirs, ours } = words
  const message = `is the word of the other client; here it is "${ours}"`
  const issues = Options.issuesOf(options, checks).map((issue) =>
    issue.pointer === `/${theirs}` ? { ...issue, message } : issue,
  )
  Options.refuse(issues)
  const { brokers, options: passed = {} } = options
  Options.refuse([
    ...(brokers === undefined ? [{ pointer: "/brokers", message: "must be given" }] : []),
    ...(theirs in passed ? [{ pointer: `/options/${theirs}`, message }] : []),
  ])
}
