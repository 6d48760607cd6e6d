/**
 * The problem documents (RFC 9457) of the contract: one schema per status, which names every code of that status.
 */
import { Context, Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { type Reason, reasons, rowOf, surfaceCodes } from "../problems/codes.ts"
import { answeredReasons } from "./reasons.ts"
import { refusalSchemas, unavailableSchemas } from "./refusals.ts"

const problemMediaType = "application/problem+json"

/** What every problem says. */
const problemFields = {
  type: Schema.String.annotate({ description: "A page about the code." }),
  title: Schema.String.annotate({ description: "What the code means, in the language that was asked for." }),
  status: Schema.Int,
  detail: Schema.String.annotate({ description: "What happened this time, with its numbers." }),
  instance: Schema.optionalKey(Schema.String),
  code: Schema.String,
  legacyCode: Schema.optionalKey(Schema.String).annotate({
    description: "The code that the reference service gives for this case, where it is another one.",
  }),
  retryable: Schema.Boolean.annotate({
    description: "Whether the same request with the same key may succeed later.",
  }),
  outcome: Schema.optionalKey(Schema.Literals(["nothing-happened", "unknown"])),
  errors: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        pointer: Schema.String.annotate({ description: "Where in the request: a JSON pointer (RFC 6901)." }),
        message: Schema.String,
      }),
    ),
  ),
}

const traced = { traceId: Schema.String }

const ofStatus = (status: number, reasonsOfStatus: ReadonlyArray<Reason>) => {
  const codes = [...new Set(reasonsOfStatus.map((reason) => rowOf(reason).code))]
  return Schema.Struct({
    ...problemFields,
    status: Schema.Literal(status),
    code: oneOf(codes),
    ...ifAny("refusal", "The refusal with its numbers, as the library gives it.", refusalSchemas, reasonsOfStatus),
    ...ifAny("unavailable", "What was not available, with its numbers.", unavailableSchemas, reasonsOfStatus),
    ...traced,
  })
    .annotate({ identifier: `Problem${status}` })
    .pipe(HttpApiSchema.status(status), HttpApiSchema.asJson({ contentType: problemMediaType }))
}

/** A field that is one of the schemas of these reasons, or no field where none of them has one. */
const ifAny = (
  name: "refusal" | "unavailable",
  description: string,
  schemas: Readonly<Record<string, Schema.Top>>,
  reasonsOfStatus: ReadonlyArray<Reason>,
): Schema.Struct.Fields => {
  const found = reasonsOfStatus.flatMap((reason) => schemas[reason] ?? [])
  const [first, ...others] = found
  if (first === undefined) return {}
  const schema = others.length === 0 ? first : Schema.Union(found)
  return { [name]: Schema.optionalKey(schema).annotate({ description }) }
}

/** One code is a constant and no choice, which the document's linter minds. */
const oneOf = (codes: ReadonlyArray<string>): Schema.Codec<string> => {
  const [only, ...others] = codes
  return only === undefined || others.length > 0 ? Schema.Literals(codes) : Schema.Literal(only)
}

/** What some endpoint answers, and what is answered where there is no endpoint. */
const documented = reasons.filter((reason) => answeredReasons.has(reason) || surfaceCodes.has(reason))

const statusesOf = (found: ReadonlyArray<Reason>): ReadonlySet<number> =>
  new Set(found.map((reason) => rowOf(reason).status))

const problems = new Map(
  Array.from(statusesOf(documented))
    .sort((left, right) => left - right)
    .map(
      (status) =>
        [
          status,
          ofStatus(
            status,
            documented.filter((reason) => rowOf(reason).status === status),
          ),
        ] as const,
    ),
)

/** The codes that an endpoint may answer with, for the document and the tests. */
export class Reasons extends Context.Service<Reasons, ReadonlyArray<Reason>>()("@holdfast/http/Reasons") {}

/** The problem schemas of the statuses that these reasons have. */
export const problemsOf = (reasons: ReadonlyArray<Reason>) => {
  const statuses = statusesOf(reasons)
  return Array.from(problems).flatMap(([status, problem]) => (statuses.has(status) ? [problem] : []))
}
