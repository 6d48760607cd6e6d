/**
 * Says when the peer of a response leaves before it was answered.
 *
 * The part of `AbortSignal` that a shop uses; a real one with its controller costs more than the rest of the shell.
 */
import type { ServerResponse } from "node:http"
import type { AbortSignalLike } from "@holdfast/core"

export class Leaving implements AbortSignalLike {
  readonly #response: ServerResponse
  /** Made when somebody listens: most requests are answered before anybody does. */
  #listeners: Set<() => void> | undefined

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get aborted(): boolean {
    return this.#response.destroyed && !this.#response.writableEnded
  }

  get reason(): unknown {
    return this.aborted ? new Error("The client closed the connection.") : undefined
  }

  addEventListener(_: "abort", listener: () => void): void {
    if (this.#listeners === undefined) {
      const listeners = new Set<() => void>()
      this.#listeners = listeners
      // A response that was answered also closes, which nobody calls leaving.
      this.#response.once("close", () => {
        if (this.#response.writableEnded) return
        for (const each of [...listeners]) each()
      })
    }
    this.#listeners.add(listener)
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners?.delete(listener)
  }
}
