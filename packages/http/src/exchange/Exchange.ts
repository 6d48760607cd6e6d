/**
 * One request and its answer as plain values: what the shells make and the surface answers.
 *
 * The node and web shells differ only in how they fill an exchange and send a reply; everything else is the same code.
 */
import type { AbortSignalLike } from "@holdfast/core"
import type { Deadlines } from "./Deadlines.ts"

/** What a host's own functions see of a request. Cheap to make; `request` is a real `Request`, made when it is read. */
export interface RequestView {
  readonly method: string
  /** Path and query as they arrived, or as a middleware before us has rewritten them. */
  readonly url: string
  readonly headers: { readonly get: (name: string) => string | null }
  /** A web-standard `Request` without its body. Making one costs more than all the rest of a read: prefer `headers`. */
  readonly request: Request
  /** The address of the peer, where the shell knows it. Behind a proxy this is the proxy. */
  readonly address: string | undefined
}

/** What reading a body came to. */
export type BodyRead =
  | { readonly _tag: "Text"; readonly text: string }
  /** The host parsed it before us, for example with `express.json()`. */
  | { readonly _tag: "Parsed"; readonly value: unknown }
  /** Its bytes are no UTF-8. Whatever could be made of them would be something that nobody sent. */
  | { readonly _tag: "NotText" }
  | { readonly _tag: "TooLarge" }
  /** It did not arrive in time. */
  | { readonly _tag: "TooSlow" }
  /** The peer left before it was complete. */
  | { readonly _tag: "Gone" }

export interface Exchange {
  readonly method: string
  /** Path and query as they arrived or were rewritten, from the root of the server. */
  readonly target: string
  /** Where the host mounted us below the root, if not at the base path: the part of `target` that is not ours. */
  readonly mountedAt: string
  header(name: string): string | undefined
  readonly headerCount: number
  readBody(maxBytes: number, deadlines: Deadlines): Promise<BodyRead>
  /** Aborts when the peer leaves. */
  readonly signal: AbortSignalLike
  readonly view: RequestView
}

export interface Reply {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Record<string, string>
  readonly body: string
}
