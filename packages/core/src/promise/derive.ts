/**
 * From service methods to promises: names, inputs, answers and refusals are the services' own.
 *
 * A change takes the service's direct way through the engine, so that no fiber is started for it; everything else runs
 * as the effect that it is.
 */
import { Cause, type Effect, type Exit } from "effect"
import type { Refusal, Unavailable } from "../refusals.ts"
import { type MaybeWay, type Way, way } from "../services/method.ts"
import { HoldfastError, type SafeResult } from "./HoldfastError.ts"

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
    ? (...args: [...input: Input, options?: CallOptions]) => Promise<SafeResult<Answer, No>>
    : never
}

/** What runs calls: a shop that starts with the first of them. */
export interface Host {
  /** Calls `begin` once the shop runs: at once where it does. */
  readonly whenStarted: (begin: () => void, failed: (error: unknown) => void) => void
  /** Starts an effect and answers once; the returned function interrupts it. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>, end: (exit: Exit.Exit<A, E>) => void) => () => void
}

type Method = ((input: never) => Effect.Effect<unknown, Refusal | Unavailable>) & MaybeWay

/** Derives the promise twin of a service. */
export const promised = <Shape extends object>(host: Host, shape: Shape): Promised<Shape> =>
  // biome-ignore lint/plugin/casts: the mapped type says what this function does to every method
  mapMethods(
    shape,
    (method) => (input: never, options?: CallOptions) =>
      new Promise((resolve, reject) => {
        call(host, method, input, options?.signal, {
          success: resolve,
          failure: (no) => reject(new HoldfastError(no)),
          thrown: reject,
        })
      }),
  ) as Promised<Shape>

/** Derives the twin that answers `{ ok: false, error }` instead of rejecting. Defects and aborts still reject. */
export const safePromised = <Shape extends object>(host: Host, shape: Shape): SafePromised<Shape> =>
  // biome-ignore lint/plugin/casts: the mapped type says what this function does to every method
  mapMethods(
    shape,
    (method) => (input: never, options?: CallOptions) =>
      new Promise((resolve, reject) => {
        call(host, method, input, options?.signal, {
          success: (value) => resolve({ ok: true, value }),
          failure: (no) => resolve({ ok: false, error: new HoldfastError(no) }),
          thrown: reject,
        })
      }),
  ) as SafePromised<Shape>

const mapMethods = <Shape extends object>(shape: Shape, twinOf: (method: Method) => unknown): object =>
  Object.fromEntries(Object.entries(shape).map(([name, method]) => [name, twinOf(method)]))

interface Ends {
  readonly success: (value: unknown) => void
  readonly failure: (no: Refusal | Unavailable) => void
  readonly thrown: (error: unknown) => void
}

const call = (host: Host, method: Method, input: never, signal: AbortSignalLike | undefined, ends: Ends): void => {
  if (signal === undefined) host.whenStarted(() => begin(host, method, input, ends), ends.thrown)
  else if (signal.aborted) ends.thrown(signal.reason)
  else callUntilAborted(host, method, input, signal, ends)
}

const callUntilAborted = (host: Host, method: Method, input: never, signal: AbortSignalLike, ends: Ends): void => {
  let leave = (): void => {}
  let left = false
  const onAbort = (): void => {
    left = true
    leave()
    signal.removeEventListener("abort", onAbort)
    ends.thrown(signal.reason)
  }
  signal.addEventListener("abort", onAbort)
  const unlessLeft =
    <A>(end: (value: A) => void) =>
    (value: A): void => {
      if (left) return
      signal.removeEventListener("abort", onAbort)
      end(value)
    }
  const heard = {
    success: unlessLeft(ends.success),
    failure: unlessLeft(ends.failure),
    thrown: unlessLeft(ends.thrown),
  }
  host.whenStarted(() => {
    if (!left) leave = begin(host, method, input, heard)
  }, heard.thrown)
}

const begin = (host: Host, method: Method, input: never, ends: Ends): (() => void) => {
  const start = method[way]?.start
  return start === undefined ? runEffect(host, method(input), ends) : startDirectly(host, start, input, ends)
}

const startDirectly = (
  host: Host,
  start: NonNullable<Way<unknown>["start"]>,
  input: unknown,
  ends: Ends,
): (() => void) =>
  start(input, (ended) => {
    switch (ended._tag) {
      case "Success":
        return ends.success(ended.value)
      case "Failure":
        return ends.failure(ended.failure)
      case "Defect":
        return ends.thrown(ended.defect)
      case "Later":
        runEffect(host, ended.effect, ends)
    }
  })

/** Runs an effect for a caller. */
const runEffect = (host: Host, effect: Effect.Effect<unknown, Refusal | Unavailable>, ends: Ends): (() => void) =>
  host.run(effect, (exit) => {
    if (exit._tag === "Success") return ends.success(exit.value)
    for (const reason of exit.cause.reasons) {
      if (Cause.isFailReason(reason)) return ends.failure(reason.error)
    }
    // An interruption here means that the shop was stopped: whoever aborted the call has left already.
    if (Cause.hasInterruptsOnly(exit.cause)) return ends.failure({ _tag: "Stopped", outcome: "nothing-happened" })
    return ends.thrown(Cause.squash(exit.cause))
  })
