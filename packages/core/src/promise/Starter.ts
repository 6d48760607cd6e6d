/**
 * Starting and stopping a shop once, whoever asks first and how often.
 *
 * idle → starting → running → stopped. A start that failed may be tried again; a stop is for good.
 */
import { Cause, Config, Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { toldOf } from "../engine/faults.ts"
import { HoldfastError } from "../HoldfastError.ts"
import { memory } from "../memory/index.ts"
import { EventBus, Ranking, RequestLog, SharedCache, Store, type StoreFault } from "../ports/index.ts"
import type { Refusal, Unavailable } from "../refusals.ts"
import { Health } from "../services/Health.ts"
import { layerWithRuntime, relayedWithRuntime, type Services } from "../services/Holdfast.ts"
import { leftBehind, measurementsOf } from "../services/measurements.ts"
import { Runtime } from "../services/Runtime.ts"
import { defaultDeadlineMillis } from "../services/stamps.ts"
import { quietly } from "../thrown.ts"
import type { Host } from "./derive.ts"
import { hostServices } from "./hostServices.ts"
import type { CreateOptions } from "./options.ts"
import { outsideOfCallers } from "./outside.ts"

type Running = Context.Context<Services | Runtime>

type State =
  | { readonly _tag: "Idle" }
  | {
      readonly _tag: "Starting"
      readonly exit: Promise<Exit.Exit<Running, StartFault>>
      /** Waits for the start no longer, whatever becomes of it. */
      readonly abandon: () => void
    }
  | { readonly _tag: "Running"; readonly context: Running; readonly scope: Scope.Closeable }
  | { readonly _tag: "Stopped"; readonly done: Promise<void> }

type StartFault = StoreFault | Refusal

export class Starter implements Host {
  readonly #options: CreateOptions
  readonly #host: Context.Context<never>
  readonly #layer: Layer.Layer<Services | Runtime, StoreFault>
  #state: State = { _tag: "Idle" }

  constructor(options: CreateOptions) {
    this.#options = options
    this.#host = hostServices(options)
    const { store = memory(), bus, cache, ranking, requests } = options
    const shop =
      bus === undefined
        ? layerWithRuntime(options)
        : relayedWithRuntime(options, bus.name).pipe(Layer.provide(serviceOf(EventBus, bus.layer, "/bus")))
    const cached = cache === undefined ? shop : Layer.provide(shop, serviceOf(SharedCache, cache.layer, "/cache"))
    const asked =
      requests === undefined ? cached : Layer.provide(cached, serviceOf(RequestLog, requests.layer, "/requests"))
    const whole = ranking === undefined ? asked : Layer.provide(asked, serviceOf(Ranking, ranking.layer, "/ranking"))
    this.#layer = Layer.provide(whole, serviceOf(Store, store.layer, "/store"))
  }

  get isRunning(): boolean {
    return this.#state._tag === "Running"
  }

  /** The services of the running shop. Only for calls that `whenStarted` began. */
  get running(): Running {
    if (this.#state._tag === "Running") return this.#state.context
    throw new HoldfastError(stopped)
  }

  start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#whenStarted(resolve, reject, undefined)
    })

  /** A call that waits for the start waits no longer than until its deadline. */
  whenStarted: Host["whenStarted"] = (begin, failed) =>
    this.#whenStarted(begin, failed, this.#options.deadlineMillis ?? defaultDeadlineMillis)

  #whenStarted(begin: () => void, failed: (error: unknown) => void, withinMillis: number | undefined): void {
    const state = this.#state
    switch (state._tag) {
      case "Running":
        begin()
        break
      case "Stopped":
        failed(new HoldfastError(stopped))
        break
      case "Idle":
      case "Starting": {
        const start = this.#starting(state)
        const known = withinMillis === undefined ? start : Effect.runPromise(inTime(start, withinMillis))
        void known.then((exit) => {
          // The shop may have been stopped while it started.
          if (this.#state._tag === "Stopped") failed(new HoldfastError(stopped))
          else if (Exit.isFailure(exit)) failed(errorOf(exit.cause))
          else begin()
        })
      }
    }
  }

  caller: Host["caller"] = (options) => {
    const { telemetry } = this.#options
    return telemetry && (quietly(telemetry.activeSpan) ?? textOnly(options?.traceparent))
  }

  run: Host["run"] = (effect, end) => {
    const fiber = Effect.runForkWith(this.#host)(effect)
    fiber.addObserver(end)
    return () => fiber.interruptUnsafe()
  }

  stop = (drainMillis: number): Promise<void> => {
    const state = this.#state
    if (state._tag === "Stopped") return state.done
    const done = Effect.runPromise(this.#stopping(state, drainMillis))
    this.#state = { _tag: "Stopped", done }
    return done
  }

  #starting(state: Extract<State, { readonly _tag: "Idle" | "Starting" }>): Promise<Exit.Exit<Running, StartFault>> {
    if (state._tag === "Starting") return state.exit
    const { promise: exit, resolve } = Promise.withResolvers<Exit.Exit<Running, StartFault>>()
    const abandon = (): void => {
      fiber.interruptUnsafe()
      // What is being opened may hold on for as long as it likes: nobody waits for that.
      resolve(Exit.interrupt())
    }
    // Set before anything runs: a store that opens at once makes the shop run before the next line.
    this.#state = { _tag: "Starting", exit, abandon }
    const fiber = outsideOfCallers(() => Effect.runForkWith(this.#host)(this.#build))
    fiber.addObserver(resolve)
    return exit
  }

  get #build(): Effect.Effect<Running, StartFault> {
    return Effect.gen({ self: this }, function* () {
      if (this.#options.store === undefined) yield* refuseForgettingInProduction
      return yield* Effect.uninterruptibleMask((leavable) => this.#built(leavable))
    })
  }

  /** Builds the shop. Only the building is `leavable`: what was built is run, or let go of, whoever gives up meanwhile. */
  #built(leavable: typeof Effect.interruptible): Effect.Effect<Running, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.make()
      const built = yield* Effect.exit(leavable(Layer.buildWithScope(this.#layer, scope)))
      if (Exit.isSuccess(built) && this.#state._tag === "Starting") {
        const context = Context.merge(this.#host, built.value)
        this.#state = { _tag: "Running", context, scope }
        yield* Scope.addFinalizer(scope, this.#observed(built.value))
        return context
      }
      yield* Scope.close(scope, Exit.void)
      if (this.#state._tag === "Starting") this.#state = { _tag: "Idle" }
      return yield* built
    })
  }

  /** Has metrics read while the shop runs. What is answered ends that, and leaves the last ones behind. */
  #observed(context: Context.Context<Health>): Effect.Effect<void> {
    const { telemetry } = this.#options
    if (telemetry === undefined) return Effect.void
    const table = Effect.map(Context.get(context, Health).health(), measurementsOf)
    const read = () => Effect.runPromise(Effect.provideContext(table, this.#host))
    const end = quietly(() => telemetry.observe(read))
    // The store is still there, and may not answer: a stop waits no longer than for one probe.
    return table.pipe(
      Effect.timeoutOption(lastTableMillis),
      Effect.catchCause(() => Effect.succeedNone),
      Effect.flatMap((last) =>
        Effect.sync(() => quietly(() => end?.(Option.getOrUndefined(Option.map(last, leftBehind))))),
      ),
    )
  }

  #stopping(state: State, drainMillis: number): Effect.Effect<void> {
    switch (state._tag) {
      case "Running":
        // Whatever becomes of the drain, everything is let go of.
        return Effect.ensuring(
          Context.get(state.context, Runtime).engine.stop(drainMillis),
          Scope.close(state.scope, Exit.void),
        )
      case "Starting":
        // What is being built sees that the shop is stopped and lets go of it, or is given up.
        return Effect.promise(() => state.exit).pipe(
          Effect.timeoutOption(drainMillis),
          Effect.andThen(Effect.sync(state.abandon)),
        )
      default:
        return Effect.void
    }
  }
}

/** A store that is away is told of after a second, as in every report. */
const lastTableMillis = 2_000

/** What an option gives. One that was meant for another option gives something else, and would be passed over without a word. */
const serviceOf = <I, S, E>(service: Context.Service<I, S>, layer: Layer.Layer<I, E>, pointer: string) =>
  Layer.effect(
    service,
    Effect.flatMap(Layer.build(layer), (built) => {
      const found = Context.getOption(built, service)
      return found._tag === "Some" ? Effect.succeed(found.value) : Effect.die(isAnother(pointer))
    }),
  )

const isAnother = (pointer: string): HoldfastError =>
  new HoldfastError({ _tag: "InvalidInput", issues: [{ pointer, message: "must not be what another option takes" }] })

const stopped = { _tag: "Stopped", outcome: "nothing-happened" } as const

/** How a start ended, or that it has not yet, for somebody who waits no longer. */
const inTime = (start: Promise<Exit.Exit<Running, StartFault>>, duration: number) =>
  Effect.timeoutOrElse(
    Effect.promise(() => start),
    { duration, orElse: () => Effect.succeed(notOpened) },
  )

const notOpened = Exit.fail<StartFault>({ _tag: "Lost", reason: "the store was not opened in time" })

const refuseForgettingInProduction: Effect.Effect<void, Refusal> = Effect.gen(function* () {
  const environment = yield* Effect.orDie(Config.String("NODE_ENV").pipe(Config.withDefault("")))
  if (environment !== "production") return
  const message = 'must be named where NODE_ENV is "production"; pass memory() if a shop that forgets is meant'
  return yield* Effect.fail<Refusal>({ _tag: "InvalidInput", issues: [{ pointer: "/store", message }] })
})

const errorOf = (cause: Cause.Cause<StartFault>): unknown => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason)) return new HoldfastError(noOf(reason.error))
  }
  return Cause.squash(cause)
}

const noOf = (fault: StartFault): Refusal | Unavailable => {
  switch (fault._tag) {
    case "Lost":
    case "Rejected":
    case "Busy":
      // What waited for the start was never sent.
      return toldOf(fault, "nothing-happened")
    default:
      return fault
  }
}

/** Hosts in JavaScript may give anything, such as a header that is not there: what is no text names no trace. */
const textOnly = (given: unknown): string | undefined => (typeof given === "string" ? given : undefined)
