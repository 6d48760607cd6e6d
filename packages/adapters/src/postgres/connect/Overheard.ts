/**
 * What a server says beside its replies, read from the bytes of a session before the driver gets them, which drops it.
 *
 * **Warnings of a commit.** A commit whose wait for a synchronous standby was cancelled says so in a warning and then answers
 * success: it stands on this server alone, and is gone after a failover. So a commit that was warned of is a lost reply,
 * whatever it was answered.
 *
 * **Parting words.** A server, or a pooler, that closes a connection says why, and the driver tells only that it was closed.
 */
import { Buffer } from "node:buffer"

const notice = 0x4e // N
const error = 0x45 // E
const completion = 0x43 // C
const ready = 0x5a // Z
const headBytes = 5
/** Notices and errors are short. What is longer than that is not looked into. */
const maxKeptBytes = 8_192

/** Why a session was ended. */
export interface Parting {
  readonly code: string
  readonly message: string
}

export class Overheard {
  #head = Buffer.alloc(headBytes)
  #headLength = 0
  /** What is left of the message that is being read, and what of it was kept. */
  #left = 0
  #kept: Array<Uint8Array> | undefined
  /** What was said since a statement was last done with. */
  #warning: string | undefined
  #error: Parting | undefined
  #warnedCommits = 0
  #lastWarning = ""

  /** How many commits were warned of so far. */
  readonly count = (): number => this.#warnedCommits
  /** The last of those warnings. */
  readonly last = (): string => this.#lastWarning
  /** What a session that is closed now was told last, if it was told anything. */
  readonly parting = (): Parting | undefined => this.#error

  readonly listen = (bytes: Uint8Array): void => {
    let at = 0
    while (at < bytes.length) {
      if (this.#headLength < headBytes) {
        this.#head[this.#headLength++] = bytes[at++] ?? 0
        if (this.#headLength < headBytes) continue
        this.#begin()
      }
      const part = Math.min(this.#left, bytes.length - at)
      this.#kept?.push(bytes.subarray(at, at + part))
      at += part
      this.#left -= part
      if (this.#left > 0) return
      if (this.#kept !== undefined) this.#end(Buffer.concat(this.#kept))
      this.#headLength = 0
      this.#kept = undefined
    }
  }

  #begin(): void {
    this.#left = this.#head.readUInt32BE(1) - 4
    const [type] = this.#head
    if (type === ready) {
      this.#warning = undefined
      this.#error = undefined
    }
    const matters = type === notice || type === error || (type === completion && this.#warning !== undefined)
    this.#kept = matters && this.#left <= maxKeptBytes ? [] : undefined
  }

  #end(body: Buffer): void {
    switch (this.#head[0]) {
      case notice: {
        const fields = fieldsOf(body)
        if (fields.get("V") === "WARNING") this.#warning = fields.get("M") ?? "a warning"
        break
      }
      case error: {
        const fields = fieldsOf(body)
        // One that ends nothing is the answer to a statement.
        if (fields.get("V") === "ERROR") break
        this.#error = { code: fields.get("C") ?? "", message: fields.get("M") ?? "" }
        break
      }
      case completion:
        // The tag of a transaction that was committed. One that was rolled back has another.
        if (this.#warning !== undefined && body.toString("latin1") === "COMMIT\0") {
          this.#warnedCommits++
          this.#lastWarning = this.#warning
        }
    }
  }
}

/** Fields are a letter and a text each. `V` is the severity, which is never translated. */
const fieldsOf = (body: Buffer): ReadonlyMap<string, string> =>
  new Map(
    body
      .toString("utf8")
      .split("\0")
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  )
