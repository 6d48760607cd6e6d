/**
 * From service methods to promises: names, inputs, answers and refusals are the services' own.
 *
 * A change takes the service's direct way through the engine, so that no fiber is started for it; everything else runs
 * as the effect that it is.
 */
import { Cause, type Effect, type Exit } from "effect"
import type { InvalidInput, Refusal, Stopped, StoreUnavailable, Unavailable } from "../refusals.ts"
import { type Ended, type MaybeWay, way } from "../services/method.ts"
import { HoldfastError, quietError, type SafeResult } from "./HoldfastError.ts"

/** The part of `AbortSignal` that is used. */
export interface AbortSignalLike {
  readonly aborted: boolean
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
}

/** The methods of a service as promises. */
export type Promised<Shape> = {
  readonly [Name in keyof Shape]: Shape[Name] extends (...input: infer Input) => Effect.Effect<infer Answer, infer _>
    ? (...args: [...input: Input, options?: CallOptions]) => Promise<Answer>
    : never
}

/** The methods of a service as promises that never reject with a no, but answer it. */
export type SafePromised<Shape> = {
  readonly [Name in keyof Shape]: Shape[Name] extends (...input: infer Input) => Effect.Effect<infer Answer, infer No>
    ? (...args: [...input: Input, options?: CallOptions]) => Promise<SafeResult<Answer, No | StartNo>>
    : never
}

/** What any call may be answered where the shop is stopped or cannot start. */
type StartNo = InvalidInput | Stopped | StoreUnavailable

/** What runs calls: a shop that starts with the first of them. */
export interface Host {
  readonly isRunning: boolean
  /** Calls `begin` once the shop runs: at once where it does. */
  readonly whenStarted: (begin: () => void, failed: (error: unknown) => void) => void
  /** Starts an effect and answers once; the returned function interrupts it. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>, end: (exit: Exit.Exit<A, E>) => void) => () => void
}

type Method = ((input: never) => Effect.Effect<unknown, Refusal | Unavailable>) & MaybeWay

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
          else if (ended._tag === "Failure") reject(new HoldfastError(ended.failure))
          else if (ended._tag === "Defect") reject(ended.defect)
          else runEffect(host, ended.effect, end)
        }
        call(host, method, input, options?.signal, end)
      }),
  ) as Promised<Shape>

/** Derives the twin that answers `{ ok: false, error }` instead of rejecting. Defects and aborts still reject. */
export const safePromised = <Shape extends object>(host: Host, shape: Shape): SafePromised<Shape> =>
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
        call(host, method, input, options?.signal, end)
      }),
  ) as SafePromised<Shape>

const mapMethods = <Shape extends object>(shape: Shape, twinOf: (method: Method) => unknown): object =>
  Object.fromEntries(Object.entries(shape).map(([name, method]) => [name, twinOf(method)]))

const call = (host: Host, method: Method, input: never, signal: AbortSignalLike | undefined, end: End): void => {
  if (signal !== undefined) callUntilAborted(host, method, input, signal, end)
  else if (host.isRunning) begin(host, method, input, end)
  else host.whenStarted(() => begin(host, method, input, end), thrown(end))
}

const callUntilAborted = (host: Host, method: Method, input: never, signal: AbortSignalLike, end: End): void => {
  if (signal.aborted) {
    thrown(end)(signal.reason)
    return
  }
  let leave = (): void => {}
  let left = false
  const onAbort = (): void => {
    left = true
    signal.removeEventListener("abort", onAbort)
    leave()
    thrown(end)(signal.reason)
  }
  const unlessLeft: End = (ended) => {
    if (left) return
    if (ended._tag !== "Later") signal.removeEventListener("abort", onAbort)
    end(ended)
  }
  signal.addEventListener("abort", onAbort)
  host.whenStarted(() => {
    if (!left) leave = begin(host, method, input, unlessLeft)
  }, thrown(unlessLeft))
}

const thrown =
  (end: End) =>
  (defect: unknown): void =>
    end({ _tag: "Defect", defect })

const begin = (host: Host, method: Method, input: never, end: End): (() => void) => {
  const start = method[way]?.start
  return start === undefined ? runEffect(host, method(input), end) : start(input, end)
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
