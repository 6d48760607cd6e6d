/**
 * The web shell: a `Request` in, a `Response` out. For Hono, Bun, Deno, Next and edge runtimes.
 *
 * On Node the listener of `@holdfast/http/node` is several times cheaper.
 */
import type { AbortSignalLike } from "@holdfast/core"
import type { Deadlines } from "./exchange/Deadlines.ts"
import type { BodyRead, Exchange, Reply } from "./exchange/Exchange.ts"
import { View } from "./exchange/view.ts"

export const exchangeOf = (request: Request): Exchange => {
  const { pathname, search } = new URL(request.url)
  const target = pathname + search
  let headerCount: number | undefined
  return {
    method: request.method,
    target,
    mountedAt: "",
    header: (name) => request.headers.get(name) ?? undefined,
    get headerCount() {
      headerCount ??= Array.from(request.headers.keys()).length
      return headerCount
    },
    readBody: (maxBytes, deadlines) => readStream(request, maxBytes, deadlines),
    get signal() {
      return request.signal ?? staying
    },
    get view() {
      return new View(this, undefined, () => request)
    },
  }
}

/** Some runtimes make requests without a signal, and tell nobody that a peer leaves. */
const staying: AbortSignalLike = {
  aborted: false,
  reason: undefined,
  addEventListener: () => {},
  removeEventListener: () => {},
}

export const responseOf = ({ status, headers, body }: Reply, method: string): Response => {
  // Its length would be that of the answer which the caller has already.
  if (status === 304) return new Response(null, { status, headers })
  if (method === "HEAD") headers["content-length"] = String(new TextEncoder().encode(body).length)
  return new Response(method === "HEAD" ? null : body, { status, headers })
}

/** Counts the bytes while they arrive: a body that lies about its length is stopped at the limit all the same. */
const readStream = async (request: Request, maxBytes: number, deadlines: Deadlines): Promise<BodyRead> => {
  if (request.body === null) return { _tag: "Text", text: "" }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return { _tag: "TooLarge" }
  const reader = request.body.getReader()
  let giveUp = (_: "too slow"): void => {}
  const tooSlow = new Promise<"too slow">((resolve) => {
    giveUp = resolve
  })
  const ticket = deadlines.begin(() => giveUp("too slow"))
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  try {
    for (;;) {
      const read = await Promise.race([reader.read(), tooSlow])
      if (read === "too slow") return { _tag: "TooSlow" }
      if (read.done) return textOf(chunks)
      bytes += read.value.byteLength
      if (bytes > maxBytes) return { _tag: "TooLarge" }
      chunks.push(read.value)
    }
  } catch {
    // The stream fails only where the peer leaves.
    return { _tag: "Gone" }
  } finally {
    deadlines.end(ticket)
    // Lets go of what was not read. Whether that works is nobody's concern any more.
    reader.cancel().catch(() => {})
  }
}

// The mark at the beginning of a text stays, as it does on Node.
const textOf = (chunks: ReadonlyArray<Uint8Array>): BodyRead => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let text = ""
  try {
    for (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
    return { _tag: "Text", text: text + decoder.decode() }
  } catch {
    return { _tag: "NotText" }
  }
}
