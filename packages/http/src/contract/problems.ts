/**
 * The problem documents (RFC 9457) of the contract: one schema per status, which names every code of that status.
 */
import { Context, Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { codesByStatus, type Reason, rowOf } from "../problems/codes.ts"

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
  refusal: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)).annotate({
    description: "The refusal with its numbers, as the library gives it: `_tag` and its fields.",
  }),
  unavailable: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)).annotate({
    description: "What was not available, with its numbers, as the library gives it.",
  }),
  traceId: Schema.String,
}

const ofStatus = (status: number, codes: ReadonlyArray<string>) =>
  Schema.Struct({ ...problemFields, status: Schema.Literal(status), code: oneOf(codes) })
    .annotate({ identifier: `Problem${status}` })
    .pipe(HttpApiSchema.status(status), HttpApiSchema.asJson({ contentType: problemMediaType }))

/** One code is a constant and no choice, which the document's linter minds. */
const oneOf = (codes: ReadonlyArray<string>): Schema.Codec<string> => {
  const [only, ...others] = codes
  return only === undefined || others.length > 0 ? Schema.Literals(codes) : Schema.Literal(only)
}

const problems = new Map(
  Array.from(codesByStatus, ([status, codes]) => [status, ofStatus(status, codes)] as const).sort(
    ([left], [right]) => left - right,
  ),
)

/** The codes that an endpoint may answer with, for the document and the tests. */
export class Reasons extends Context.Service<Reasons, ReadonlyArray<Reason>>()("@holdfast/http/Reasons") {}

/** The problem schemas of the statuses that these reasons have. */
export const problemsOf = (reasons: ReadonlyArray<Reason>) => {
  const statuses = new Set(reasons.map((reason) => rowOf(reason).status))
  return Array.from(problems).flatMap(([status, problem]) => (statuses.has(status) ? [problem] : []))
}
