/**
 * What the engine counts. Plain numbers, read on demand: counting costs nothing that a caller would notice.
 */
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
export interface EngineMetrics {
  /** By operation name, such as `orders.place`. */
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
  /** Batches that were halved because the store rejected them. */
  readonly rejectedBatches: number
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
