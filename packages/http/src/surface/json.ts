/**
 * Reads the JSON body of a request, within its limits.
 */

import type { Deadlines } from "../exchange/Deadlines.ts"
import type { Exchange } from "../exchange/Exchange.ts"
import type { No } from "../problems/problem.ts"
import { readExactly, readParsed } from "./exactJson.ts"

type JsonRead =
  | { readonly _tag: "Json"; readonly value: unknown }
  | { readonly _tag: "No"; readonly no: No }
  | { readonly _tag: "Gone" }

const no = (
  code: Extract<No, { readonly _tag: "Surface" }>["code"],
  headers: Record<string, string> = {},
): JsonRead => ({
  _tag: "No",
  no: { _tag: "Surface", code, headers },
})

// What is still on its way cannot be told from the next request, so the connection ends with the answer.
const closing = { connection: "close" }

export const readJson = async (exchange: Exchange, maxBytes: number, deadlines: Deadlines): Promise<JsonRead> => {
  if (!isJson(exchange.header("content-type")) || !isPlain(exchange.header("content-encoding"))) {
    return no("UNSUPPORTED_MEDIA_TYPE", { accept: "application/json" })
  }
  const read = await exchange.readBody(maxBytes, deadlines)
  switch (read._tag) {
    case "Parsed":
      return parsedBefore(read.value)
    case "NotText":
      return no("MALFORMED_JSON")
    case "TooLarge":
      return no("BODY_TOO_LARGE", closing)
    case "TooSlow":
      return no("REQUEST_TIMEOUT", closing)
    case "Gone":
      return { _tag: "Gone" }
    case "Text":
      return parsed(read.text)
  }
}

const parsed = (text: string): JsonRead => {
  try {
    // RFC 8259 lets a parser pass over the mark that some clients begin a text with.
    const { value, changed } = readExactly(text.startsWith("\ufeff") ? text.slice(1) : text)
    return changed.length === 0 ? { _tag: "Json", value } : notExact(changed)
  } catch {
    return no("MALFORMED_JSON")
  }
}

/** Parsers such as `express.json()` replace bytes that are no UTF-8, and round large numbers, before we see them. */
const parsedBefore = (given: unknown): JsonRead => {
  const { value, changed, wasText } = readParsed(given)
  if (!wasText) return no("MALFORMED_JSON")
  return changed.length === 0 ? { _tag: "Json", value } : notExact(changed)
}

const notExact = (pointers: ReadonlyArray<string>): JsonRead => ({
  _tag: "No",
  no: {
    _tag: "Surface",
    code: "InvalidInput",
    errors: (language) =>
      pointers.map((pointer) => ({
        pointer,
        message:
          language === "ko"
            ? "정확히 나타낼 수 없는 수입니다. ID는 문자열로 보낼 수 있습니다."
            : "is a number that cannot be kept exactly; an id may be sent as text",
      })),
  },
})

/** `application/json` and kinds of it, such as `application/vnd.shop+json`, in UTF-8: JSON has no other encoding. */
const isJson = (contentType: string | undefined): boolean => {
  if (contentType === "application/json") return true
  if (contentType === undefined || !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType)) return false
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType)?.[1]
  return charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)
}

const isPlain = (contentEncoding: string | undefined): boolean =>
  contentEncoding === undefined || contentEncoding.toLowerCase() === "identity"
