/**
 * Reads the JSON body of a request, within its limits.
 */
import type { No } from "../problems/problem.ts"
import type { Deadlines } from "./Deadlines.ts"
import type { Exchange } from "./Exchange.ts"

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
      return { _tag: "Json", value: read.value }
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
    const value: unknown = JSON.parse(text)
    return { _tag: "Json", value }
  } catch {
    return no("MALFORMED_JSON")
  }
}

/** `application/json` and kinds of it, such as `application/vnd.shop+json`. */
const isJson = (contentType: string | undefined): boolean =>
  contentType === "application/json" ||
  (contentType !== undefined && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType))

const isPlain = (contentEncoding: string | undefined): boolean =>
  contentEncoding === undefined || contentEncoding.toLowerCase() === "identity"
