/**
 * Sends a request until it is answered, and repeats only what is safe to repeat.
 *
 * Reads are. So is a change with its key: the server does it once, however often it is asked. A refusal is an answer.
 */
import { lost, problemOf } from "./errors.ts"
import type { Problem } from "./ProblemError.ts"
import type { ClientOptions } from "./types.ts"

export interface Sending {
  readonly method: string
  readonly url: string
  readonly body: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
}

export type Received =
  | { readonly ok: true; readonly json: unknown; readonly headers: Headers }
  | {
      readonly ok: false
      readonly problem: Problem
      /** Whether an attempt before this answer may have been carried out, or may yet be. */
      readonly isOpen: boolean
    }

/** Answers of the way there, or of a server that wants to be asked again. */
const worthAnotherTry: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])
const longestPauseMillis = 5_000

export const send = async (sending: Sending, options: ClientOptions): Promise<Received> => {
  const { attempts = 4, pauseMillis = 100 } = options
  let isOpen = false
  for (let attempt = 1; ; attempt++) {
    sending.signal?.throwIfAborted()
    const tried = await attemptOnce(sending, options).catch((thrown: unknown) => {
      // The host's own functions failed, such as its headers. What became of an attempt before is what matters then.
      throw isOpen ? Object.assign(lost(String(thrown)), { cause: thrown }) : thrown
    })
    const last = attempt >= attempts
    if (tried._tag === "Lost") {
      sending.signal?.throwIfAborted()
      if (last) throw lost(tried.reason)
      isOpen = true
    } else {
      const { received } = tried
      if (received.ok) return received
      if (last || !worthAnotherTry.has(received.problem.status)) return { ...received, isOpen }
      isOpen ||= received.problem.outcome === "unknown"
    }
    const doubled = Math.min(longestPauseMillis, pauseMillis * 2 ** (attempt - 1))
    const asked = tried._tag === "Lost" ? 0 : tried.retryAfterMillis
    sending.signal?.throwIfAborted()
    // Half of the pause is random, so that callers who were turned away together do not come back together.
    await pause(Math.max(asked, doubled / 2) + (Math.random() * doubled) / 2, sending.signal)
  }
}

type Tried =
  | { readonly _tag: "Answered"; readonly received: Received; readonly retryAfterMillis: number }
  | { readonly _tag: "Lost"; readonly reason: string }

const attemptOnce = (sending: Sending, options: ClientOptions): Promise<Tried> => {
  const timeout = AbortSignal.timeout(options.timeoutMillis ?? 20_000)
  const signal = sending.signal === undefined ? timeout : AbortSignal.any([sending.signal, timeout])
  // A host's own functions may not look at the signal.
  return new Promise((resolve, reject) => {
    const late = (): void => resolve({ _tag: "Lost", reason: String(signal.reason) })
    signal.addEventListener("abort", late)
    asked(sending, options, signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", late))
  })
}

const asked = async (
  sending: Sending,
  { fetch: given, headers: own }: ClientOptions,
  signal: AbortSignal,
): Promise<Tried> => {
  const ownHeaders = typeof own === "function" ? await own() : own
  const headers = new Headers(ownHeaders)
  // Not as one object: of two spellings of a name both values would be sent.
  for (const [name, value] of Object.entries(sending.headers)) headers.set(name, value)
  const request = new Request(sending.url, {
    method: sending.method,
    headers,
    signal,
    // Many redirects make a GET of a POST: what that answers would be taken for the answer to the change.
    ...(sending.body !== undefined && { body: sending.body, redirect: "manual" }),
  })
  try {
    const response = await (given ?? fetch)(request)
    // A body that breaks off is an answer that was lost as well.
    const text = await response.text()
    const { ok, status } = response
    return {
      _tag: "Answered",
      received: ok
        ? { ok, json: JSON.parse(text), headers: response.headers }
        : { ok: false, problem: problemOf(status, text), isOpen: false },
      retryAfterMillis: Math.min(30, Number(response.headers.get("retry-after") ?? 0) || 0) * 1000,
    }
  } catch (error) {
    return { _tag: "Lost", reason: error instanceof Error ? error.message : String(error) }
  }
}

const pause = (millis: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", end)
      resolve()
    }
    const timer = setTimeout(end, millis)
    signal?.addEventListener("abort", end)
  })
