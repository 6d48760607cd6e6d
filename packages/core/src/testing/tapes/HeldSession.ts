/**
 * One connection of a shop to a simulated server, of which every frame and every reply is held until it is let go.
 *
 * A frame that is held counts as sent, as on a socket whose other end does not read. Its server works through what it was
 * given frame by frame.
 */
import { Effect, Exit } from "effect"
import type { Frame, ReplyTo, Session } from "../../transact/Session.ts"
import type { StoreFault } from "../../transact/StoreFault.ts"
import type { ServerSession } from "../server/ServerSession.ts"
import type { Move } from "./Stage.ts"

type AnyReply = ReplyTo[Frame["_tag"]]

interface Held {
  readonly what: string
  /** Gives it to the server, and answers with what that says. */
  readonly asked: Effect.Effect<AnyReply, StoreFault>
  readonly answer: (exit: Exit.Exit<AnyReply, StoreFault>) => void
}

interface Answered {
  readonly held: Held
  readonly exit: Exit.Exit<AnyReply, StoreFault>
}

export class HeldSession implements Session {
  readonly #server: ServerSession
  readonly #runs: (work: Effect.Effect<unknown>) => void
  #isHeld: boolean
  #isEnding = false
  /** Held on their way to the server, at the server, and answered with a reply that is held. */
  readonly #frames: Array<Held> = []
  readonly #underWay: Array<Held> = []
  readonly #replies: Array<Answered> = []

  constructor(server: ServerSession, runs: (work: Effect.Effect<unknown>) => void, isHeld: boolean) {
    this.#server = server
    this.#runs = runs
    this.#isHeld = isHeld
  }

  readonly send: Session["send"] = <F extends Frame>(frame: F, sent?: () => void) =>
    Effect.callback<ReplyTo[F["_tag"]], StoreFault>((resume) => {
      this.#frames.push({
        what: wordsOf(frame),
        asked: this.#server.send<Frame>(frame),
        // biome-ignore lint/plugin/casts: the reply of this very frame
        answer: (exit) => resume(exit as Exit.Exit<ReplyTo[F["_tag"]], StoreFault>),
      })
      if (!this.#isHeld) this.let("send")
      sent?.()
    })

  /** Whether it rests until somebody else moves. */
  get isStill(): boolean {
    return !this.#isEnding && (this.#underWay.length === 0 || this.#server.isWaiting)
  }

  get outstanding(): number {
    return this.#frames.length + this.#underWay.length + this.#replies.length
  }

  get nextFrame(): string | undefined {
    return this.#frames[0]?.what
  }

  get nextReply(): string | undefined {
    const [answered] = this.#replies
    return answered && `${answered.held.what}${endOf(answered.exit)}`
  }

  get waitsWith(): string | undefined {
    return this.#server.isWaiting ? this.#underWay[0]?.what : undefined
  }

  /** What is answered and may be lost with the connection, while the server has nothing of it in hand. */
  get mayLose(): string | undefined {
    return this.#underWay.length === 0 ? this.nextReply : undefined
  }

  let(does: Move["does"]): void {
    if (does === "timeout") this.#server.giveUp()
    if (does === "send") this.#send()
    if (does === "reply") this.#reply()
    if (does === "cut") this.#cut()
  }

  hold(): void {
    this.#isHeld = true
  }

  letGo(): void {
    this.#isHeld = false
    while (this.#frames.length > 0) this.#send()
    while (this.#replies.length > 0) this.#reply()
  }

  #send(): void {
    const held = this.#frames.shift()
    if (held === undefined) return
    this.#underWay.push(held)
    this.#runs(
      Effect.map(Effect.exit(held.asked), (exit) => {
        this.#underWay.splice(this.#underWay.indexOf(held), 1)
        this.#replies.push({ held, exit })
        if (!this.#isHeld) this.#reply()
      }),
    )
  }

  #cut(): void {
    const lost = [...this.#replies.splice(0).map(({ held }) => held), ...this.#frames.splice(0)]
    this.#isEnding = true
    this.#runs(
      Effect.andThen(
        this.#server.terminate,
        Effect.sync(() => {
          this.#isEnding = false
          for (const { answer } of lost) answer(Exit.fail({ _tag: "Lost", reason: "the connection was cut" }))
        }),
      ),
    )
  }

  #reply(): void {
    const answered = this.#replies.shift()
    answered?.held.answer(answered.exit)
  }
}

const wordsOf = (frame: Frame): string =>
  frame._tag === "Apply" && frame.begins ? "begin apply" : frame._tag.toLowerCase()

/** What a reply says of the frame as a whole, in words that a server's errors can be put into too. */
const endOf = (exit: Exit.Exit<AnyReply, StoreFault>): string => {
  if (exit._tag === "Failure") return " failed: lost"
  const reply = exit.value
  if (reply === false) return " failed: not given"
  if (typeof reply !== "object" || !("_tag" in reply)) return ""
  if (reply._tag === "Conflict") return " failed: conflict"
  return reply._tag === "NotGiven" ? " failed: not given" : ""
}
