/**
 * The view of a request that a host's own functions get. Everything but the id of the caller is rarely asked for, so
 * whatever costs something is made when it is read.
 */
import type { RequestView } from "./Exchange.ts"

export interface ViewSource {
  readonly method: string
  readonly url: string
  readonly header: (name: string) => string | undefined
  readonly address: string | undefined
  readonly makeRequest: () => Request
}

export class View implements RequestView {
  readonly #source: ViewSource
  #request: Request | undefined

  constructor(source: ViewSource) {
    this.#source = source
  }

  get method(): string {
    return this.#source.method
  }

  get url(): string {
    return this.#source.url
  }

  get headers(): RequestView["headers"] {
    return { get: (name) => this.#source.header(name.toLowerCase()) ?? null }
  }

  get address(): string | undefined {
    return this.#source.address
  }

  get request(): Request {
    this.#request ??= this.#source.makeRequest()
    return this.#request
  }
}
