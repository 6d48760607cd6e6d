/**
 * What the engine counts. Plain numbers, read on demand: counting costs nothing that a caller would notice.
 */
import type { StoreCounts } from "../ports/index.ts"
import type { Outcome } from "./Pending.ts"

export interface OperationCounts {
  accepted: number
  /** Answered from a receipt, or because it was so already. */
  replayed: number
  refused: number
  unavailable: number
  defects: number
}

/** A snapshot of the engine's counters since it started. */
export interface EngineMetrics extends StoreCounts {
  /**
   * By operation name, such as `orders.place`: what was decided, also where the caller had left by then. A call inside a
   * host's transaction counts when it is answered, whether or not the host commits.
   */
  readonly operations: Readonly<Record<string, Readonly<OperationCounts>>>
  readonly queueDepth: number
  readonly inFlight: number
  readonly batches: number
  readonly batchedCommands: number
  /** Time in which lanes had a batch in hand, all lanes added up. */
  readonly laneBusyMillis: number
  /** Batches whose outcome was unknown and that were run again. */
  readonly lostReplies: number
  /** Batches that found a key held by somebody else. */
  readonly busyBatches: number
  /** Keys that are known to be held by somebody else now: what needs them waits beside the lanes. */
  readonly busyKeys: number
  /** Batches that were halved because the store rejected them. */
  readonly rejectedBatches: number
  /** Campaigns whose claims are refused by a look at the campaign alone. */
  readonly seals: number
  readonly sealsBuilt: number
  /** Seals that their campaign had left behind: it issued again. */
  readonly sealsVoided: number
  /** Claims that were refused by a seal, and claims of sealed campaigns that the store had to decide after a look. */
  readonly sealedRefusals: number
  readonly sealedPassed: number
}

export class Counters {
  readonly operations = new Map<string, OperationCounts>()
  batches = 0
  batchedCommands = 0
  laneBusyMillis = 0
  lostReplies = 0
  busyBatches = 0
  rejectedBatches = 0

  count(operation: string, outcome: Outcome): void {
    let counts = this.operations.get(operation)
    if (counts === undefined) {
      counts = { accepted: 0, replayed: 0, refused: 0, unavailable: 0, defects: 0 }
      this.operations.set(operation, counts)
    }
    switch (outcome._tag) {
      case "Accepted":
        counts.accepted++
        break
      case "Repeated":
        counts.replayed++
        break
      case "Recalled":
        if (outcome.own) counts.accepted++
        else counts.replayed++
        break
      case "Refused":
        counts.refused++
        break
      case "Unavailable":
        counts.unavailable++
        break
      case "Defective":
        counts.defects++
    }
  }
}
