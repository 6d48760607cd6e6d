/**
 * How a service method is made: a change goes through the engine, a read straight to the store.
 *
 * A change also carries a fast path, without an effect around it, which the Promise façade takes: the engine answers the
 * caller's callback, and no fiber is started for a command.
 */
import { Effect, type Schema } from "effect"
import { type Command, erased } from "../decision/Command.ts"
import type { Call, InputSchema } from "../decision/call.ts"
import type { Receipt, Stored } from "../decision/Receipt.ts"
import { admissionOf, decoderOf, isInvalid } from "../engine/admission.ts"
import { reasonOf, toldOf } from "../engine/faults.ts"
import type { Outcome } from "../engine/Pending.ts"
import type { Caller } from "../engine/traceparent.ts"
import type { StoreFault } from "../ports/index.ts"
import type {
  IdempotencyKeyReused,
  InvalidInput,
  Refusal,
  StoreNo,
  StoreUnavailable,
  Unavailable,
} from "../refusals.ts"
import type { ReadOptions } from "./ages.ts"
import type { Documented } from "./inputs.ts"
import type { KernelShape } from "./Kernel.ts"

/** What every answer to a change says beside its own fields. */
export interface Replayed {
  /** True where an earlier call had done it already: nothing happened this time. */
  readonly replayed: boolean
}

/** What any change may be refused with, whatever it does. */
export type CommonRefusal = InvalidInput | IdempotencyKeyReused

/** A call that changes something. Its own refusals are `R`. */
export type Change<Input, Answer, R extends Refusal = never> = (
  input: Documented<Input>,
) => Effect.Effect<Answer & Replayed, R | CommonRefusal | Unavailable>

/** A call that only reads, and whose caller may say how old the answer may be. */
export type AgedRead<Input, Answer, R extends Refusal = never> = (
  input: Documented<Input>,
  options?: ReadOptions,
) => Effect.Effect<Answer, R | InvalidInput | StoreNo>

/** A call that only reads. */
export type Read<Input, Answer, R extends Refusal = never> = (
  input: Documented<Input>,
) => Effect.Effect<Answer, R | InvalidInput | StoreNo>

/** How a call ended, for callers without an effect around it. */
export type Ended<Answer> =
  | { readonly _tag: "Success"; readonly value: Answer }
  | { readonly _tag: "Failure"; readonly failure: Refusal | Unavailable }
  | { readonly _tag: "Defect"; readonly defect: unknown }
  /** The answer has to be read first. */
  | { readonly _tag: "Later"; readonly effect: Effect.Effect<Answer, StoreNo> }

/** What a change can do beside being called. */
interface FastPath<Answer> {
  /** The answer that a receipt stands for. */
  readonly recall: (receipt: Receipt) => Effect.Effect<Answer & Replayed, StoreNo>
  /**
   * Starts the call without an effect around it and answers once. The returned function lets the caller leave. Absent
   * where something has to be read first. `caller` is what the call is made in.
   */
  readonly start?: (
    input: unknown,
    end: (ended: Ended<Answer & Replayed>) => void,
    caller?: Caller | undefined,
  ) => () => void
}

/** Where a change keeps its fast path. */
export const fastPath: unique symbol = Symbol("@holdfast/core/fastPath")

/** Where a read keeps its way to an answer that is in memory: undefined where there is none, and it has to be run. */
export const inMemory: unique symbol = Symbol("@holdfast/core/inMemory")

/** A read, with its way to memory where it has one. */
export interface MaybeInMemory {
  readonly [inMemory]?: (input: unknown, options: ReadOptions | undefined) => unknown
}

/** A change with its fast path, or a read without one. */
export interface MaybeFastPath {
  readonly [fastPath]?: FastPath<unknown>
}

/** Reads for a call until that is over, however long the store is away. */
type ReadInTime = <A>(reading: Effect.Effect<A, StoreFault>) => Effect.Effect<A, StoreFault>

/** For whoever only asks what became of a call, and may ask again. */
const once: ReadInTime = (reading) => reading

/** Makes the public answer of a call. */
export interface Presentation<Answer, Public> {
  /** Of a fresh decision. */
  readonly fresh: (answer: Answer, replayed: boolean) => Public & Replayed
  /** Of a receipt: at once, or after a read that may take as long as the call may. */
  readonly recall: (
    stored: Stored,
    replayed: boolean,
    inTime: ReadInTime,
  ) => (Public & Replayed) | Effect.Effect<Public & Replayed, StoreNo>
}

/** For calls whose receipt holds the whole answer. `present` makes what callers get, which is theirs to change. */
export const asStored = <Answer extends Stored, Public extends object>(
  present: (answer: Answer) => Public,
): Presentation<Answer, Public> => {
  const fresh = (answer: Answer, replayed: boolean): Public & Replayed => ({ ...present(answer), replayed })
  // biome-ignore lint/plugin/casts: a receipt of this operation holds what this operation stored
  return { fresh, recall: (stored, replayed) => fresh(stored as Answer, replayed) }
}

/**
 * What a change that may have happened does before it is answered, or told of later: at once, and what takes time as an
 * effect, for which an answer waits. It is given the request, or where only the receipt is there the first answer.
 */
type BeforeAnswer<Of> = (of: Of) => Effect.Effect<void> | undefined

const nothing = (): undefined => undefined

/** Makes the method of a change out of its call. */
export const change = <S extends InputSchema, Request, Answer, R extends Refusal, Public extends object>(
  kernel: KernelShape,
  call: Call<S, Request, Answer, R>,
  presentation: Presentation<Answer, Public>,
  before: BeforeAnswer<Request | Answer> = nothing,
): Change<S["Encoded"], Public, R> & MaybeFastPath => {
  const admit = admissionOf(call, kernel.stamps)
  const start = starting<Request, Answer, Public>(kernel, admit, presentation, before)
  const method = (input: S["Encoded"]) => toEffect<Public, R>((end, caller) => start(input, end, caller))
  return Object.assign(method, { [fastPath]: { start, recall: recalling(presentation, before) } })
}

/** Makes the method of a change that has to read something before it can name its keys. */
export const preparedChange = <S extends InputSchema, Request, Answer, R extends Refusal, Public extends object>(
  kernel: KernelShape,
  call: Call<S, Request, Answer, R>,
  presentation: Presentation<Answer, Public>,
  prepare: (request: Request) => Effect.Effect<Request, StoreFault>,
): Change<S["Encoded"], Public, R> & MaybeFastPath => {
  const admit = admissionOf(call, kernel.stamps)
  const method = Effect.fnUntraced(function* (input: S["Encoded"]) {
    const command = admit(input)
    if (isInvalid(command)) return yield* Effect.fail(command)
    const reading = kernel.submitter.readInTime(command, prepare(command.request))
    const request = yield* Effect.catch(reading, (fault) => Effect.fail(unsent(kernel, erased(command), fault)))
    const prepared = { ...command, request }
    const start = starting<Request, Answer, Public>(kernel, () => prepared, presentation)
    return yield* toEffect<Public, R>((end, caller) => start(input, end, caller))
  })
  return Object.assign(method, { [fastPath]: { recall: recalling(presentation) } })
}

/** Makes the method of a read. */
export const read = <S extends Schema.Codec<unknown, unknown>, Answer, E extends Refusal | Unavailable>(
  input: S,
  answer: (decoded: S["Type"], options?: ReadOptions) => Effect.Effect<Answer, E>,
): ((input: S["Encoded"], options?: ReadOptions) => Effect.Effect<Answer, E | InvalidInput>) => {
  const decode = decoderOf(input)
  return (unknownInput, options) => {
    const decoded = decode(unknownInput)
    return isInvalid(decoded) ? Effect.fail(decoded) : answer(decoded, options)
  }
}

/** A read that the store fails. It changes nothing, so there is no outcome to wonder about. */
export const orUnavailable = <A>(reading: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreNo> =>
  Effect.mapError(reading, (fault) => toldOf(fault, "nothing-happened"))

/**
 * A read of what an earlier call came to. Where it fails, in whatever way, that call's outcome stays unknown: nothing that
 * is certain of the read may be taken for the call.
 */
export const orStillUnknown = <A>(reading: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreUnavailable> =>
  Effect.mapError(reading, stillUnknown)

const stillUnknown = (fault: StoreFault): StoreUnavailable => ({
  _tag: "StoreUnavailable",
  outcome: "unknown",
  reason: reasonOf(fault),
})

/** What is told of a command that was not handed over: of it nothing happened, and of its key perhaps an earlier call. */
const unsent = ({ submitter }: KernelShape, command: Command, fault: StoreFault): StoreNo =>
  submitter.mayBeDone?.(command) === true ? stillUnknown(fault) : toldOf(fault, "nothing-happened")

/** Something outside of the engine that changes the store. It may be repeated. */
export const orUnknown = <A>(changing: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreNo> =>
  Effect.mapError(changing, (fault) => toldOf(fault, "unknown"))

const recalling =
  <Answer, Public extends object>(
    { recall }: Presentation<Answer, Public>,
    before: BeforeAnswer<Answer> = nothing,
  ): FastPath<Public>["recall"] =>
  (receipt) => {
    // biome-ignore lint/plugin/casts: a receipt of this operation holds what this operation stored
    const rest = before(receipt.answer as Answer)
    const answer = recall(receipt.answer, true, once)
    const recalled = Effect.isEffect(answer) ? answer : Effect.succeed(answer)
    return rest === undefined ? recalled : Effect.andThen(rest, recalled)
  }

const starting = <Request, Answer, Public extends object>(
  kernel: KernelShape,
  admit: (input: unknown) => Command<Request> | InvalidInput,
  presentation: Presentation<Answer, Public>,
  before: BeforeAnswer<Request> = nothing,
): NonNullable<FastPath<Public>["start"]> => {
  return (input, end, caller) => {
    const command = admit(input)
    if (isInvalid(command)) {
      end({ _tag: "Failure", failure: command })
      return () => {}
    }
    const resolve = (outcome: Outcome): void => {
      const rest = outcome._tag === "Refused" ? undefined : before(command.request)
      const ended = endedOf(presentation, outcome, kernel, command)
      end(
        rest !== undefined && ended._tag === "Success"
          ? { _tag: "Later", effect: Effect.as(rest, ended.value) }
          : ended,
      )
    }
    const pending = kernel.submitter.submit(erased(command), resolve, caller)
    return () => kernel.submitter.withdraw(pending)
  }
}

const endedOf = <Answer, Public extends object>(
  presentation: Presentation<Answer, Public>,
  outcome: Outcome,
  kernel: KernelShape,
  command: Pick<Command, "at" | "deadline">,
): Ended<Public & Replayed> => {
  switch (outcome._tag) {
    case "Accepted":
    case "Repeated":
      return {
        _tag: "Success",
        // biome-ignore lint/plugin/casts: the operation that was submitted is the one that answered
        value: presentation.fresh(outcome.answer as Answer, outcome._tag === "Repeated"),
      }
    case "Recalled":
      return recalled(presentation, outcome.receipt, !outcome.own, (reading) =>
        kernel.submitter.readInTime(command, reading),
      )
    case "Refused":
      return { _tag: "Failure", failure: outcome.refusal }
    case "Unavailable":
      return { _tag: "Failure", failure: outcome.unavailable }
    case "Defective":
      return { _tag: "Defect", defect: outcome.defect }
  }
}

const recalled = <Answer, Public extends object>(
  { recall }: Presentation<Answer, Public>,
  receipt: Receipt,
  replayed: boolean,
  inTime: ReadInTime,
): Ended<Public & Replayed> => {
  const answer = recall(receipt.answer, replayed, inTime)
  return Effect.isEffect(answer) ? { _tag: "Later", effect: answer } : { _tag: "Success", value: answer }
}

const toEffect = <Public extends object, R extends Refusal>(
  start: (end: (ended: Ended<Public & Replayed>) => void, caller: Caller | undefined) => () => void,
): Effect.Effect<Public & Replayed, R | CommonRefusal | Unavailable> =>
  Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      const leave = start((ended) => {
        switch (ended._tag) {
          case "Success":
            return resume(Effect.succeed(ended.value))
          case "Failure":
            // biome-ignore lint/plugin/casts: an operation refuses with its own refusals and the common ones
            return resume(Effect.fail(ended.failure as R | CommonRefusal | Unavailable))
          case "Defect":
            return resume(Effect.die(ended.defect))
          case "Later":
            return resume(ended.effect)
        }
      }, fiber.cache.span)
      return Effect.sync(leave)
    }),
  )
