/**
 * From what a caller typed to a command: decode, normalise, stamp.
 */
import { Result, Schema, SchemaIssue } from "effect"
import type { Command } from "../decision/Command.ts"
import type { Call, InputSchema, Settings } from "../decision/call.ts"
import { fingerprintOf } from "../decision/fingerprint.ts"
import type { InvalidInput, Refusal } from "../refusals.ts"
import { type CommandId, ownKeyOf, type Scope } from "../values.ts"

/** What every command is stamped with. */
export interface Stamps {
  readonly now: () => number
  readonly nextId: (at: number) => CommandId
  readonly deadlineMillis: number
  /** The scope of keys for calls that name none. */
  readonly scope: Scope
  readonly settings: Settings
}

/** Decodes unknown input, naming everything that is wrong with it. Compiled once per schema. */
export const decoderOf = <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
): ((input: unknown) => S["Type"] | InvalidInput) => {
  const quick = Schema.decodeUnknownResult(schema)
  const thorough = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })
  return (input) => {
    // Looking for unknown fields doubles the cost of decoding. What is decoded keeps every known field, so input with
    // more fields than that has unknown ones, and only then is it worth finding out which.
    const decoded = quick(input)
    if (Result.isSuccess(decoded) && !hasMoreFields(input, decoded.success)) return decoded.success
    const checked = thorough(input)
    return Result.isSuccess(checked) ? checked.success : invalidInput(checked.failure.issue)
  }
}

/** Makes commands out of the input of one call. */
export const admissionOf = <S extends InputSchema, Request, Answer, R extends Refusal>(
  call: Call<S, Request, Answer, R>,
  stamps: Stamps,
): ((input: unknown) => Command<Request> | InvalidInput) => {
  const decode = decoderOf(call.input)
  return (input) => {
    const decoded = decode(input)
    if (isInvalid(decoded)) return decoded
    const request = call.normalise(decoded, stamps.settings)
    if (isInvalid(request)) return request
    const at = stamps.now()
    if (!isMoment(at)) throw noTime()
    const id = stamps.nextId(at)
    return {
      operation: call,
      id,
      at,
      deadline: at + stamps.deadlineMillis,
      scope: decoded.scope ?? stamps.scope,
      key: decoded.key ?? ownKeyOf(id),
      fingerprint: fingerprintOf(call.intention(request)),
      request,
    }
  }
}

/** What a Date can hold, and still can when the days of a coupon are added. */
const isMoment = (at: number): boolean => Math.abs(at) <= 8e15

/** A defect of the host's. Decided at such a moment every window would be open, and no coupon would expire. */
const noTime = () => new Error("The shop's clock tells no time: it must answer a Date or milliseconds since 1970.")

/** True for the refusal that decoding may answer instead of a value. */
export const isInvalid = (value: unknown): value is InvalidInput =>
  typeof value === "object" && value !== null && "_tag" in value && value._tag === "InvalidInput"

const standardIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** The issues of decoding as JSON pointers (RFC 6901) with a sentence each. */
const invalidInput = (issue: SchemaIssue.Issue): InvalidInput => ({
  _tag: "InvalidInput",
  issues: standardIssues(issue).issues.map(({ path = [], message }) => ({
    pointer: path.map((segment) => `/${escapePointer(typeof segment === "object" ? segment.key : segment)}`).join(""),
    message,
  })),
})

const escapePointer = (segment: PropertyKey): string => String(segment).replaceAll("~", "~0").replaceAll("/", "~1")

const hasMoreFields = (input: unknown, decoded: unknown): boolean => {
  if (input === decoded || !isObject(input) || !isObject(decoded)) return false
  const known = Object.keys(decoded)
  if (Object.keys(input).length > known.length) return true
  for (const name of known) {
    // One that is inherited leaves room in the count for one that is unknown.
    if (!Object.hasOwn(input, name)) return true
    const value = decoded[name]
    if (typeof value === "object" && hasMoreFields(input[name], value)) return true
  }
  return false
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null
