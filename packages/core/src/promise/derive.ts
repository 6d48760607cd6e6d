/**
 * From service methods to promises: names, inputs, answers and refusals are the services' own.
 *
 * A change takes the service's direct way through the engine, so that no fiber is started for it; everything else runs
 * as the effect that it is.
 */
import { Cause, Effect, type Exit } from "effect"
import { type Caller, spanOfCaller } from "../engine/traceparent.ts"
import { HoldfastError, quietError, rejectionOf, type SafeResult } from "../HoldfastError.ts"
import * as Options from "../options.ts"
import type { InvalidInput, Refusal, Stopped, StoreNo, Unavailable } from "../refusals.ts"
import type { ReadOptions } from "../services/ages.ts"
import { type Ended, fastPath, inMemory, type MaybeFastPath, type MaybeInMemory } from "../services/method.ts"

/** The part of `AbortSignal` that is used. */
export interface AbortSignalLike {
  /** Whether the caller has left. */
  readonly aborted: boolean
  /** Why the caller left. */
  readonly reason?: unknown
  addEventListener(type: "abort", listener: () => void): void
  removeEventListener(type: "abort", listener: () => void): void
}

export interface CallOptions {
  /**
   * Lets the caller leave: the promise rejects with the signal's reason. A change that no lane has taken by then will
   * not happen; one that was taken finishes, and the same key finds its answer.
   */
  readonly signal?: AbortSignalLike | undefined
  /**
   * The trace that the call belongs to, as W3C Trace Context writes it: `00-<trace>-<span>-01`. Needed only where the host's
   * own tracing does not know it: a span that is active where the call is made comes first. Anything else means none, such as
   * the list that Node's headers may be.
   */
  readonly traceparent?: string | ReadonlyArray<string> | undefined
}

/** What a method takes, and how it is called. Reads that take options take these with them. */
type ArgumentsOf<Input extends ReadonlyArray<unknown>> = 2 extends Input["length"]
  ? Input extends readonly [infer First, unknown?]
    ? [input: First, options?: CallOptions & ReadOptions]
    : [input?: Input[0], options?: CallOptions & ReadOptions]
  : [...input: Input, options?: CallOptions]

/** The methods of a service as promises. */
export type Promised<Shape> = {
  readonly [Name in keyof Shape]: Shape[Name] extends (...input: infer Input) => Effect.Effect<infer Answer, infer _>
    ? (...args: ArgumentsOf<Input>) => Promise<Answer>
    : never
}

/**
 * The methods of a service as promises that never reject with a no, but answer it. `More` is what the host of the calls may
 * say beside them.
 */
export type SafePromised<Shape, More = never> = {
  readonly [Name in keyof Shape]: Shape[Name] extends (...input: infer Input) => Effect.Effect<infer Answer, infer No>
    ? (...args: ArgumentsOf<Input>) => Promise<SafeResult<Answer, No | StartNo | More>>
    : never
}

/** What any call may be answered where the shop is stopped or cannot start. */
type StartNo = InvalidInput | Stopped | StoreNo

/** What runs calls: a shop that starts with the first of them. */
export interface Host {
  readonly isRunning: boolean
  /** The span that a call is made in, where somebody traces. */
  readonly caller?: ((options: CallOptions | undefined) => Caller | undefined) | undefined
  /** Calls `begin` once the shop runs: at once where it does. */
  readonly whenStarted: (begin: () => void, failed: (error: unknown) => void) => void
  /** Starts an effect and answers once; the returned function interrupts it. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>, end: (exit: Exit.Exit<A, E>) => void) => () => void
}

type Method = ((input: never, options?: CallOptions) => Effect.Effect<unknown, Refusal | Unavailable>) &
  MaybeFastPath &
  MaybeInMemory

type End = (ended: Ended<unknown>) => void

/** Derives the promise twin of a service. */
export const promised = <Shape extends object>(host: Host, shape: Shape): Promised<Shape> =>
  // biome-ignore lint/plugin/casts: the mapped type says what this function does to every method
  mapMethods(
    shape,
    (method) => (input: never, options?: CallOptions) =>
      new Promise((resolve, reject) => {
        const end: End = (ended) => {
          if (ended._tag === "Success") resolve(ended.value)
          else if (ended._tag === "Failure") reject(rejectionOf(ended.failure))
          else if (ended._tag === "Defect") reject(ended.defect)
          else runEffect(host, ended.effect, end)
        }
        call(host, method, input, options, end)
      }),
  ) as Promised<Shape>

/** Derives the twin that answers `{ ok: false, error }` instead of rejecting. Defects and aborts still reject. */
export const safePromised = <Shape extends object, More = never>(host: Host, shape: Shape): SafePromised<Shape, More> =>
  // biome-ignore lint/plugin/casts: the mapped type says what this function does to every method
  mapMethods(
    shape,
    (method) => (input: never, options?: CallOptions) =>
      new Promise((resolve, reject) => {
        const end: End = (ended) => {
          if (ended._tag === "Success") resolve({ ok: true, value: ended.value })
          else if (ended._tag === "Failure") resolve({ ok: false, error: quietError(ended.failure) })
          // A shop that is stopped or cannot start says no before the call is begun.
          else if (ended._tag === "Defect" && ended.defect instanceof HoldfastError) {
            resolve({ ok: false, error: ended.defect })
          } else if (ended._tag === "Defect") reject(ended.defect)
          else runEffect(host, ended.effect, end)
        }
        call(host, method, input, options, end)
      }),
  ) as SafePromised<Shape, More>

const mapMethods = <Shape extends object>(shape: Shape, twinOf: (method: Method) => unknown): object =>
  Object.fromEntries(Object.entries(shape).map(([name, method]) => [name, twinOf(method)]))

/** The method with what else its caller says, which reads look at. */
const withOptions = (method: Method, options: CallOptions | undefined): Method =>
  options === undefined || method[fastPath] !== undefined ? method : (input) => method(input, options)

const isSignal = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "aborted" in value &&
  "addEventListener" in value &&
  typeof value.addEventListener === "function"

const callChecks: Options.Checks<CallOptions & ReadOptions> = {
  signal: Options.must("an AbortSignal", isSignal),
  // A header that is not there, or is no such text, names no trace.
  traceparent: () => undefined,
  // What reads it says what it must be.
  maxAgeMillis: () => undefined,
  onAge: Options.aFunction,
}

/** What is wrong with what a caller says beside the input. Nearly always nothing, and every call over HTTP says something. */
const issuesOf = (options: CallOptions & ReadOptions): Options.Issues => {
  let isUsual = typeof options === "object" && options !== null
  if (isUsual) for (const name in options) isUsual &&= Object.hasOwn(callChecks, name)
  const { signal, onAge } = isUsual ? options : {}
  isUsual &&= (signal === undefined || isSignal(signal)) && (onAge === undefined || typeof onAge === "function")
  return isUsual ? [] : Options.issuesOf(options, callChecks)
}

const call = (
  host: Host,
  method: Method,
  input: never,
  options: (CallOptions & ReadOptions) | undefined,
  end: End,
): void => {
  const issues = options === undefined ? [] : issuesOf(options)
  if (issues.length > 0) {
    end({ _tag: "Failure", failure: { _tag: "InvalidInput", issues } })
    return
  }
  const signal = options?.signal
  const known = host.isRunning && signal === undefined ? method[inMemory]?.(input, options) : undefined
  if (known !== undefined) {
    end({ _tag: "Success", value: known })
    return
  }
  const caller = host.caller?.(options)
  const asked = withOptions(method, options)
  if (signal !== undefined) callUntilAborted(host, asked, input, signal, caller, end)
  else if (host.isRunning) begin(host, asked, input, caller, end)
  else host.whenStarted(() => begin(host, asked, input, caller, end), thrown(end))
}

const callUntilAborted = (
  host: Host,
  method: Method,
  input: never,
  signal: AbortSignalLike,
  caller: Caller | undefined,
  end: End,
): void => {
  if (signal.aborted) {
    thrown(end)(signal.reason)
    return
  }
  let leave = (): void => {}
  let isReading = false
  let left = false
  const onAbort = (): void => {
    left = true
    signal.removeEventListener("abort", onAbort)
    leave()
    thrown(end)(signal.reason)
  }
  const unlessLeft: End = (ended) => {
    if (left) return
    if (ended._tag === "Later") {
      // The caller may leave while the answer is read, and is listened to until then.
      isReading = true
      leave = runEffect(host, ended.effect, unlessLeft)
      return
    }
    signal.removeEventListener("abort", onAbort)
    end(ended)
  }
  signal.addEventListener("abort", onAbort)
  host.whenStarted(() => {
    if (left) return
    const leaveCall = begin(host, method, input, caller, unlessLeft)
    if (!isReading) leave = leaveCall
  }, thrown(unlessLeft))
}

const thrown =
  (end: End) =>
  (defect: unknown): void =>
    end({ _tag: "Defect", defect })

/**
 * Begins a call, maybe long after its caller has gone on: behind a start, or in a transaction that was joined first. So what
 * throws here, such as a clock that tells no time or an input that cannot be read, ends the call like everything else.
 */
const begin = (host: Host, method: Method, input: never, caller: Caller | undefined, end: End): (() => void) => {
  try {
    const start = method[fastPath]?.start
    if (start !== undefined) return start(input, end, caller)
    const effect = method(input)
    const span = spanOfCaller(caller)
    return runEffect(host, span === undefined ? effect : Effect.withParentSpan(effect, span), end)
  } catch (defect) {
    thrown(end)(defect)
    return () => {}
  }
}

/** Runs an effect for a caller. */
const runEffect = (host: Host, effect: Effect.Effect<unknown, Refusal | Unavailable>, end: End): (() => void) =>
  host.run(effect, (exit) => end(endedOf(exit)))

const endedOf = (exit: Exit.Exit<unknown, Refusal | Unavailable>): Ended<unknown> => {
  if (exit._tag === "Success") return { _tag: "Success", value: exit.value }
  for (const reason of exit.cause.reasons) {
    if (Cause.isFailReason(reason)) return { _tag: "Failure", failure: reason.error }
  }
  // An interruption here means that the shop was stopped: whoever aborted the call has left already.
  return Cause.hasInterruptsOnly(exit.cause)
    ? { _tag: "Failure", failure: { _tag: "Stopped", outcome: "nothing-happened" } }
    : { _tag: "Defect", defect: Cause.squash(exit.cause) }
}
