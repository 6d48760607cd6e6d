/**
 * A running shop: its engine and the kernel that its services stand on.
 */
import { Clock, Context, Effect, Layer, Random } from "effect"
import { type Engine, makeEngine } from "../engine/Engine.ts"
import { Store } from "../ports/Store.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { defaultDeadlineMillis, defaultQueueLimit, type HoldfastOptions, makeStamps, sourcesOf } from "./stamps.ts"

export interface RuntimeShape {
  readonly engine: Engine
  readonly kernel: KernelShape
  readonly options: HoldfastOptions
}

export class Runtime extends Context.Service<Runtime, RuntimeShape>()("@holdfast/core/Runtime") {
  /** Starts the lanes. Closing the layer drains them: what was admitted is answered before the store is let go. */
  static readonly layer = (options: HoldfastOptions): Layer.Layer<Runtime, never, Store> =>
    Layer.effect(
      Runtime,
      Effect.gen(function* () {
        const store = yield* Store
        const { now, random } = sourcesOf(yield* Clock.Clock, yield* Random.Random)
        const engine = yield* makeEngine(store, {
          queueLimit: options.queueLimit ?? defaultQueueLimit,
          batchLimit: options.batchLimit,
        })
        yield* Effect.addFinalizer(() => engine.stop(options.deadlineMillis ?? defaultDeadlineMillis))
        return { engine, kernel: { store, submitter: engine, stamps: makeStamps(options, now, random) }, options }
      }),
    )
}

/** The kernel of a running shop. */
export const kernelLayer: Layer.Layer<Kernel, never, Runtime> = Layer.effect(
  Kernel,
  Effect.map(Runtime, ({ kernel }) => kernel),
)
