/**
 * One connection of a shop through a proxy that holds it: what the shop sends is cut into frames, and what the server
 * answers into replies. A frame is a transaction, or as much of one as is sent before its reply is waited for.
 */
import { Buffer } from "node:buffer"
import type { Socket } from "node:net"
import {
  asksForEncryption,
  asksToCancel,
  asLockTimeout,
  isUse,
  type Message,
  messageReader,
  textsOf,
  withoutTimeouts,
  wordsOf,
} from "./messages.ts"

interface Frame {
  readonly bytes: Array<Buffer>
  readonly words: Array<string>
  /** How many times the server says that it is ready when it has done all of it. */
  answersDue: number
  /** Whether its transaction has ended, so that what begins another one is another frame. */
  ended: boolean
  readonly reply: Array<Buffer>
  readonly errors: Array<string>
  timedOut: boolean
  /** Whether it only makes a session ready, and so is not held. */
  readonly opens: boolean
}

export class HeldConnection {
  /** The server's process, once it has said so. */
  pid = 0
  isBlocked = false
  isClosed = false
  readonly #near: Socket
  readonly #far: Socket
  #isHeld = false
  #greeted = false
  /** Whether it has begun a transaction, or looked at a table. */
  #isUsed = false
  /** Held on its way to the server, at the server, and answered with a reply that is held. */
  readonly #frames: Array<Frame> = []
  readonly #underWay: Array<Frame> = []
  readonly #replies: Array<Frame> = []
  /** The bytes and words of the statement that is coming in. */
  #coming: { readonly bytes: Array<Buffer>; sql: string } = { bytes: [], sql: "" }
  readonly #prepared = new Map<string, string>()
  #answering: Array<Buffer> = []

  constructor(near: Socket, far: Socket, isHeld: boolean) {
    this.#near = near
    this.#far = far
    this.#isHeld = isHeld
    const fromShop = messageReader(false)
    const fromServer = messageReader(true)
    let plain = false
    near.on("data", (bytes) => {
      for (const message of fromShop(bytes)) this.#fromShop(message)
    })
    far.on("data", (bytes) => {
      if (plain) near.write(bytes)
      else for (const message of fromServer(bytes)) this.#fromServer(message)
    })
    const end = (): void => {
      this.isClosed = true
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) socket.on("close", end).on("error", end)
    this.#cancels = () => {
      plain = true
    }
  }

  readonly #cancels: () => void

  /** Whether it is still being opened. */
  get isOpening(): boolean {
    return !this.#greeted && !this.isClosed
  }

  get isAtServer(): boolean {
    return this.#underWay.length > 0 && !this.isClosed
  }

  get outstanding(): number {
    return this.isClosed ? 0 : this.#frames.length + this.#underWay.length + this.#replies.length
  }

  /** Whether it rests until somebody else moves: it waits for a lock, and nobody has told it to give up. */
  get isWaiting(): boolean {
    return this.isBlocked && this.#underWay[0]?.timedOut === false
  }

  get nextFrame(): string | undefined {
    if (this.isClosed) return undefined
    return this.#frames[0]?.words.join("; ")
  }

  get nextReply(): string | undefined {
    const [frame] = this.#replies
    if (frame === undefined || this.isClosed) return undefined
    return frame.errors.length === 0
      ? frame.words.join("; ")
      : `${frame.words.join("; ")} failed: ${frame.errors.join(", ")}`
  }

  get waitsWith(): string | undefined {
    return this.isWaiting ? this.#underWay[0]?.words.join("; ") : undefined
  }

  /** What is answered and may be lost with the connection, while the server has nothing of it in hand. */
  get mayLose(): string | undefined {
    return this.#underWay.length === 0 && !this.isClosed ? this.nextReply : undefined
  }

  hold(): void {
    this.#isHeld = true
  }

  letGo(): void {
    this.#isHeld = false
    while (this.#frames.length > 0) this.send()
    while (this.#replies.length > 0) this.reply()
  }

  send(): void {
    const frame = this.#frames.shift()
    if (frame === undefined) return
    frame.ended = true
    this.#underWay.push(frame)
    this.#far.write(Buffer.concat(frame.bytes))
  }

  reply(): void {
    const frame = this.#replies.shift()
    if (frame !== undefined) this.#near.write(Buffer.concat(frame.reply))
  }

  /** Its statement is being cancelled, as if it had waited too long. */
  giveUp(): void {
    const [frame] = this.#underWay
    if (frame !== undefined) frame.timedOut = true
  }

  close(): void {
    this.#near.destroy()
    this.#far.destroy()
  }

  #fromShop({ type, bytes }: Message): void {
    if (type === "" && asksForEncryption(bytes)) {
      this.#near.write("N")
      return
    }
    if (type === "" && asksToCancel(bytes)) this.#cancels()
    if (!this.#greeted || type === "X") {
      this.#far.write(bytes)
      return
    }
    this.#coming.bytes.push(type === "P" || type === "Q" ? withoutTimeouts(bytes) : bytes)
    if (type === "P") {
      const [name = "", sql = ""] = textsOf(bytes)
      this.#prepared.set(name, sql)
    }
    if (type === "B") this.#coming.sql = this.#prepared.get(textsOf(bytes)[1] ?? "") ?? ""
    if (type === "Q") this.#coming.sql = textsOf(bytes)[0] ?? ""
    if (type === "S" || type === "Q") this.#came()
  }

  /** A statement has come in as a whole: it goes with the frame before it, or begins one. */
  #came(): void {
    const { bytes, sql } = this.#coming
    this.#coming = { bytes: [], sql: "" }
    const last = this.#frames.at(-1)
    const words = wordsOf(sql)
    this.#isUsed ||= isUse(words)
    const opens = !this.#isUsed
    // What only tidies the session up is waited for together with the transaction before it.
    const tidies = /^\s*(?:discard|deallocate)\b/i.test(sql)
    const frame: Frame =
      last === undefined || (last.ended && !tidies)
        ? { bytes: [], words: [], answersDue: 0, ended: false, reply: [], errors: [], timedOut: false, opens }
        : last
    if (frame !== last) this.#frames.push(frame)
    frame.bytes.push(...bytes)
    frame.words.push(words)
    frame.answersDue++
    if (/^\s*(?:commit|rollback|end|abort)\b/i.test(sql)) frame.ended = true
    if (!this.#isHeld || opens) this.send()
  }

  #fromServer({ type, bytes }: Message): void {
    if (type === "K") this.pid = bytes.readUInt32BE(5)
    if (!this.#greeted) {
      this.#near.write(bytes)
      if (type === "Z") this.#greeted = true
      return
    }
    const [frame] = this.#underWay
    this.#answering.push(type === "E" && frame?.timedOut === true ? asLockTimeout(bytes) : bytes)
    if (frame === undefined) {
      // The server speaks although nobody asked: it says goodbye.
      this.#near.write(Buffer.concat(this.#answering.splice(0)))
      return
    }
    if (type === "E") frame.errors.push(codeOf(this.#answering.at(-1) ?? bytes))
    if (type !== "Z") return
    frame.reply.push(...this.#answering.splice(0))
    if (--frame.answersDue > 0) return
    this.#underWay.shift()
    this.isBlocked = false
    this.#replies.push(frame)
    if (!this.#isHeld || frame.opens) this.reply()
  }
}

const codeOf = (error: Buffer): string =>
  textsOf(error)
    .find((field) => field.startsWith("C"))
    ?.slice(1) ?? "?"
