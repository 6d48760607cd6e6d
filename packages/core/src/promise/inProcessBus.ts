/**
 * The reference of what a bus is: one in this process, for tests and for hosts whose parts talk over a bus already.
 */
import { Effect, Layer } from "effect"
import { type InProcessBusOptions, makeInProcessBus } from "../delivery/InProcessBus.ts"
import { EventBus } from "../ports/index.ts"
import type { BusOption } from "./options.ts"

export interface InProcessBus extends BusOption {
  /** Where parts of this process subscribe. Nothing is durable: what is published while nobody subscribes is gone. */
  readonly service: EventBus["Service"]
}

/** A bus in this process: `createHoldfast({ bus: inProcessBus() })`. */
export const inProcessBus = (options?: InProcessBusOptions): InProcessBus => {
  const service = Effect.runSync(makeInProcessBus(options))
  return { name: "in process", service, layer: Layer.succeed(EventBus, service) }
}
