/**
 * The outbox of whichever server is in charge. What changes it is on a standby as commits are, and what is claimed waits for
 * a synchronous one before anybody handles it.
 */
import type { MemoryOutbox, OutboxSteps } from "../../memory/MemoryOutbox.ts"
import type { SimulatedServer } from "./SimulatedServer.ts"

export const replicatedOutbox = (primary: () => SimulatedServer): OutboxSteps => {
  const write = <A>(change: (outbox: MemoryOutbox) => A): A => primary().write((server) => change(server.tables.outbox))
  const read = (): MemoryOutbox => {
    primary().confirm()
    return primary().tables.outbox
  }
  return {
    register: (name) => primary().addName(name),
    unregister: (name) => primary().removeName(name),
    lease: (...asked) => write((outbox) => outbox.lease(...asked)),
    renew: (...asked) => write((outbox) => outbox.renew(...asked)),
    release: (...asked) => write((outbox) => outbox.release(...asked)),
    acknowledge: (...asked) => write((outbox) => outbox.acknowledge(...asked)),
    park: (...asked) => write((outbox) => outbox.park(...asked)),
    unpark: (...asked) => write((outbox) => outbox.unpark(...asked)),
    claim: (...asked) => read().claim(...asked),
    reread: (...asked) => read().reread(...asked),
    parked: (...asked) => read().parked(...asked),
    depth: (...asked) => read().depth(...asked),
    reach: (...asked) => read().reach(...asked),
  }
}
