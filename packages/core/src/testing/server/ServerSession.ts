/**
 * A session of a simulated server, as the process at its other end has it.
 *
 * The server works through what it was sent, frame by frame, whatever has become of whoever sent it. A connection that is
 * cut is noticed by its process at once, and by the server when it has nothing more to do for it: then it rolls back.
 */
import { Deferred, Effect, Semaphore } from "effect"
import { kindNames, kinds } from "../../decision/kinds.ts"
import { type Keys, recordsOf } from "../../decision/Records.ts"
import type { Frame, NotNow, ReplyTo, Session } from "../../transact/Session.ts"
import type { KeyOf, StoreFault } from "../../transact/StoreFault.ts"
import { rowName, ServerTransaction } from "./ServerTransaction.ts"
import type { SimulatedServer } from "./SimulatedServer.ts"

/** What becomes of a frame on its way. */
export type Delivery =
  | "delivered"
  /** The server never gets it: nothing happened, and the session ends. */
  | "lost"
  /** The server answers it, and the answer is lost. */
  | "unanswered"
  /** The connection is cut while the server has the frame in hand: its session outlives its client. */
  | "outlived"

/** How a process sends. Mutants send otherwise. */
export interface Sending {
  /** What becomes of each frame on its way. */
  readonly deliver: (frame: Frame) => Delivery
  /** Whether a frame is told to be sent before it is. */
  readonly tellsEarly: boolean
}

type AnyReply = ReplyTo[Frame["_tag"]]

export class ServerSession implements Session {
  readonly #server: SimulatedServer
  readonly #sending: Sending
  /** Frames are worked through one after the other, in the order in which they came. */
  readonly #turn = Semaphore.makeUnsafe(1)
  readonly #waiting = new Set<Deferred.Deferred<AnyReply, StoreFault>>()
  readonly #underWay = new Set<{ end: Effect.Effect<void> }>()
  #open: ServerTransaction | undefined
  #isCut = false
  #received = 0
  /** The last frame that had come when a blind batch came to nothing. */
  #failedUntil = 0

  constructor(server: SimulatedServer, sending: Sending) {
    this.#server = server
    this.#sending = sending
  }

  /** Whether its client can no longer use it. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** Whether its transaction waits for a lock. */
  get isWaiting(): boolean {
    return this.#open !== undefined && this.#server.locks.isWaiting(this.#open)
  }

  /** What it waits for was too long in coming. */
  giveUp(): void {
    if (this.#open !== undefined) this.#server.locks.giveUp(this.#open)
  }

  send: Session["send"] = (frame, sent) => {
    if (!this.#sending.tellsEarly) return this.#send(frame, sent)
    return Effect.andThen(
      Effect.sync(() => sent?.()),
      Effect.andThen(Effect.yieldNow, this.#send(frame)),
    )
  }

  readonly #send: Session["send"] = (frame, sent) =>
    Effect.suspend(() => {
      const delivery = this.#isCut ? "lost" : this.#sending.deliver(frame)
      // A failover may have come before it.
      if (delivery === "lost" || this.#isCut) return Effect.andThen(this.cut, this.#lost)
      const answered = this.#receive(frame)
      sent?.()
      if (delivery === "delivered") return Effect.tap(answered, () => (this.#isCut ? this.#lost : Effect.yieldNow))
      return delivery === "unanswered"
        ? Effect.andThen(Effect.ignore(answered), Effect.andThen(this.cut, this.#lost))
        : Effect.andThen(this.cut, this.#lost)
    })

  /** The client has gone. What was sent is still worked through; what is open by then is rolled back. */
  readonly cut: Effect.Effect<void> = Effect.sync(() => {
    if (this.#isCut) return
    this.#isCut = true
    for (const reply of this.#waiting) Deferred.doneUnsafe(reply, this.#lost)
    this.#start(Effect.andThen(Effect.yieldNow, Effect.sync(this.#close)))
  })

  /** Completes when the server has done all that it was sent. */
  readonly done: Effect.Effect<void> = Effect.suspend(() => this.#turn.withPermit(Effect.void))

  /** Terminates it: completes when nothing of what the server was sent happens any more. */
  readonly terminate: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.cut,
      Effect.suspend(() =>
        Effect.andThen(
          Effect.forEach(Array.from(this.#underWay), ({ end }) => end, { discard: true }),
          Effect.sync(this.#close),
        ),
      ),
    ),
  )

  get #lost(): Effect.Effect<never, StoreFault> {
    return Effect.fail({ _tag: "Lost", reason: "the connection was cut", attempt: this })
  }

  #receive<F extends Frame>(frame: F): Effect.Effect<ReplyTo[F["_tag"]], StoreFault> {
    const reply = Deferred.makeUnsafe<AnyReply, StoreFault>()
    const number = ++this.#received
    this.#waiting.add(reply)
    this.#start(
      // Nothing of it begins before the frames before it have ended.
      Effect.flatMap(Effect.exit(Effect.suspend(() => this.#work(frame, number))), (exit) =>
        Effect.sync(() => {
          this.#waiting.delete(reply)
          Deferred.doneUnsafe(reply, exit)
        }),
      ),
    )
    // biome-ignore lint/plugin/casts: the reply of this very frame
    return Deferred.await(reply) as Effect.Effect<ReplyTo[F["_tag"]], StoreFault>
  }

  #start(work: Effect.Effect<void>): void {
    const started: { end: Effect.Effect<void> } = { end: Effect.void }
    this.#underWay.add(started)
    started.end = this.#server.runs(
      Effect.andThen(
        this.#turn.withPermit(work),
        Effect.sync(() => this.#underWay.delete(started)),
      ),
    )
  }

  readonly #close = (): void => {
    this.#open?.rollback()
    this.#open = undefined
  }

  #work(frame: Frame, number: number): Effect.Effect<AnyReply, StoreFault> {
    switch (frame._tag) {
      case "Snapshot":
        return Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => ({ _tag: "Read" as const, records: this.#server.records(frame.keys) })),
        )
      case "Lock":
        return Effect.map(this.#begin().lock(frame.keys), (locked): ReplyTo["Lock"] => {
          if (!("_tag" in locked)) return { _tag: "Locked", records: recordsOf(locked) }
          // What failed lets go of its locks at once, long before its client says that it is over.
          this.#close()
          return locked
        })
      case "Apply":
        return this.#apply(frame, number)
      case "Rollback":
        return Effect.andThen(Effect.yieldNow, Effect.as(Effect.sync(this.#close), undefined))
      case "Confirm":
        return Effect.andThen(
          Effect.yieldNow,
          Effect.as(
            Effect.sync(() => this.#server.confirm()),
            undefined,
          ),
        )
      case "Suspects":
        return Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => this.#suspects(frame.keys)),
        )
      case "Await":
        return Effect.map(this.#begin().areGiven(frame.keys), (given) => {
          this.#close()
          return given
        })
    }
  }

  #begin(): ServerTransaction {
    this.#close()
    this.#open = new ServerTransaction(this.#server)
    return this.#open
  }

  #apply(
    { changes, begins, heard }: Extract<Frame, { readonly _tag: "Apply" }>,
    number: number,
  ): Effect.Effect<ReplyTo["Apply"], StoreFault> {
    return Effect.suspend(() => {
      if (begins && this.#server.rules.failsBehind && number <= this.#failedUntil) return Effect.succeed(failedBehind)
      const transaction = begins ? this.#begin() : (this.#open ?? this.#begin())
      return Effect.flatMap(
        transaction.apply(changes, heard),
        (written): Effect.Effect<ReplyTo["Apply"], StoreFault> => {
          if (written._tag !== "Written") {
            this.#failedUntil = this.#received
            return Effect.as(Effect.sync(this.#close), written)
          }
          return Effect.flatMap(transaction.commit, (isTold) => {
            this.#open = undefined
            return isTold ? Effect.succeed({ _tag: "Applied", heard: written.heard }) : this.#lost
          })
        },
      )
    })
  }

  #suspects(keys: Keys): ReadonlyArray<KeyOf> {
    return kindNames.flatMap((kind) =>
      kinds[kind].locked ? keys.of(kind).flatMap((key) => (this.#isHeld(kind, key) ? [{ kind, key }] : [])) : [],
    )
  }

  #isHeld(kind: KeyOf["kind"], key: KeyOf["key"]): boolean {
    return this.#server.get(kind, key) !== undefined && this.#server.locks.isHeld(rowName(kind, key))
  }
}

const failedBehind: NotNow = {
  _tag: "Conflict",
  at: "anything",
  isCrowd: false,
  reason: "the batch before it came to nothing",
}
