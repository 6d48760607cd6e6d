import { Effect } from "effect"
import type { KafkaTransport } from "./Transport.ts"

/** How long letting go of the connections may take. */
const closeMillis = 5_000

/** Lets go of the connections with the shop. A broker that does not answer keeps no shop from stopping. */
export const letGo = (kafka: KafkaTransport): Effect.Effect<unknown> =>
  Effect.timeoutOption(
    Effect.promise(() => kafka.close()),
    closeMillis,
  )
