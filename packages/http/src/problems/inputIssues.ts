/**
 * What is wrong with a request, field by field, in the caller's language and the caller's field names.
 */
import type { InvalidInput } from "@holdfast/core"
import { SchemaIssue } from "effect"
import type { Language } from "./titles.ts"

export interface InputError {
  readonly pointer: string
  readonly message: string
}

/** How a whole number is written in a query: `Number` reads "0x10", "1e1" and " 5 " as well. What does not fit has its own text. */
export const wholeNumber = /^-?\d{1,16}$/u

/** The errors of decoding. One per field: the first that was found. */
export const issuesOf = (issue: SchemaIssue.Issue, language: Language): ReadonlyArray<InputError> => {
  const errors = new Map<string, string>()
  for (const { path = [], message } of formatters[language](issue).issues) {
    const pointer = path
      .map((segment) => `/${escapedPointer(typeof segment === "object" ? segment.key : segment)}`)
      .join("")
    if (!errors.has(pointer)) errors.set(pointer, spoken(message, language))
  }
  return Array.from(errors, ([pointer, message]) => ({ pointer, message }))
}

/** The core's own findings, with its names of fields turned into the request's. */
export const renamed = (
  { issues }: InvalidInput,
  names: Readonly<Record<string, string>>,
  language: Language,
): ReadonlyArray<InputError> =>
  issues.map(({ pointer, message }) => ({
    pointer: pointer
      .split("/")
      .map((segment) => names[segment] ?? segment)
      .join("/"),
    message: language === "ko" ? "값이 올바르지 않습니다." : message,
  }))

/** The most errors of one answer. A body of 64 KiB may have thousands, which made megabytes of them. */
const mostErrors = 100

/** The first errors. Where there are more, the last entry says of the whole input how many. */
export const bounded = (errors: ReadonlyArray<InputError>, language: Language): ReadonlyArray<InputError> => {
  const more = errors.length - mostErrors
  return more > 0 ? [...errors.slice(0, mostErrors), { pointer: "", message: texts[language].more(more) }] : errors
}

const texts = {
  en: {
    more: (count: number) => `has ${count} more errors, which are not listed`,
    missing: "is required",
    unexpected: "is not a field of this request",
    forbidden: "must not be given",
    integer: "must be a whole number",
    exactInteger: `must be a whole number up to ${Number.MAX_SAFE_INTEGER}`,
    between: (minimum: unknown, maximum: unknown) => `must be from ${minimum} to ${maximum}`,
    minLength: (length: unknown) => `must have at least ${length}`,
    maxLength: (length: unknown) => `must have at most ${length}`,
    pattern: 'must be a name other than "." and ".."',
    other: "is not valid",
  },
  ko: {
    more: (count: number) => `그 밖에 표시하지 않은 오류가 ${count}개 더 있습니다.`,
    missing: "필수 값입니다.",
    unexpected: "이 요청에 없는 필드입니다.",
    forbidden: "허용되지 않습니다.",
    integer: "정수여야 합니다.",
    exactInteger: `${Number.MAX_SAFE_INTEGER} 이하의 정수여야 합니다.`,
    between: (minimum: unknown, maximum: unknown) => `${minimum} 이상 ${maximum} 이하여야 합니다.`,
    minLength: (length: unknown) => `길이가 ${length} 이상이어야 합니다.`,
    maxLength: (length: unknown) => `길이가 ${length} 이하여야 합니다.`,
    pattern: '"."과 ".."은 사용할 수 없습니다.',
    other: "값이 올바르지 않습니다.",
  },
} as const

const formatterOf = (language: Language) => {
  const text = texts[language]
  return SchemaIssue.makeFormatterStandardSchemaV1({
    leafHook: (issue) => {
      switch (issue._tag) {
        case "MissingKey":
          return text.missing
        case "UnexpectedKey":
          return text.unexpected
        case "Forbidden":
          return text.forbidden
        case "InvalidType":
          // Without what was sent: a request may hold what must not come back in an answer.
          return SchemaIssue.defaultLeafHook(issue).replace(/, got .*$/s, "")
        default:
          return text.other
      }
    },
    checkHook: ({ filter }) => {
      const { id, payload } = representationOf(filter.annotations)
      switch (id) {
        // 2^53 is a whole number and none that stays itself.
        case "effect/schema/isInt":
          return text.exactInteger
        case "effect/schema/isBetween":
          return text.between(payload.minimum, payload.maximum)
        case "effect/schema/isMinLength":
          return text.minLength(payload.minLength)
        case "effect/schema/isMaxLength":
          return text.maxLength(payload.maxLength)
        // Ids and the numbers of a query alone have a pattern.
        case "effect/schema/isPattern":
          return payload.source === wholeNumber.source ? text.integer : text.pattern
        default:
          return text.other
      }
    },
  })
}

const formatters = { en: formatterOf("en"), ko: formatterOf("ko") }

/** The name and numbers of a check, where it says them. */
const representationOf = (
  annotations: object | undefined,
): { readonly id: unknown; readonly payload: Readonly<Record<string, unknown>> } => {
  const found = annotations !== undefined && "representation" in annotations ? annotations.representation : undefined
  if (typeof found !== "object" || found === null || !("id" in found)) return { id: undefined, payload: {} }
  const payload = "payload" in found && typeof found.payload === "object" ? found.payload : {}
  return { id: found.id, payload: { ...payload } }
}

/** Effect's "Expected string | number" as a sentence about the field. */
const spoken = (message: string, language: Language): string =>
  message.startsWith("Expected ")
    ? language === "ko"
      ? `${message.slice("Expected ".length)} 형식이어야 합니다.`
      : `must be ${message.slice("Expected ".length)}`
    : message

const escapedPointer = (segment: PropertyKey): string => String(segment).replaceAll("~", "~0").replaceAll("/", "~1")
