/**
 * The lanes of the shops of a tape: one a shop, which sends its next batch when the last one has passed its turn, and has
 * two on their way at most, as the engine does. All of them begin at once, when every client has come with its batch.
 */
import { Effect, Semaphore } from "effect"
import type { StoreShape } from "../../ports/index.ts"
import type { Turn } from "../../transact/Turn.ts"

/** So many batches of one lane are on their way at most. */
const mostUnderWay = 2

export class Lanes {
  readonly #lanes: ReadonlyArray<Lane>
  #open = false
  /** What goes before all begin goes one by one, so that it is the same in every run. */
  readonly #alone = Semaphore.makeUnsafe(1)

  /** `free` is how many batches each shop may send before all begin: what it remembers from then on. */
  constructor(shops: number, free: ReadonlyArray<number>) {
    this.#lanes = Array.from({ length: shops }, (_, shop) => new Lane(free[shop] ?? 0))
  }

  /** Batches of a shop that wait for their turn, or are on their way. */
  present(shop: number): number {
    const lane = this.#lanes[shop]
    return lane === undefined ? 0 : lane.waiting.length + lane.underWay
  }

  /** Batches of a shop that are on their way. */
  underWay(shop: number): number {
    return this.#lanes[shop]?.underWay ?? 0
  }

  /** Whether some batch waits although it might go. */
  get isMoving(): boolean {
    return this.#lanes.some(({ turns, waiting, underWay }) => turns && waiting.length > 0 && underWay < mostUnderWay)
  }

  open(): void {
    this.#open = true
    for (const lane of this.#lanes) this.#next(lane)
  }

  /** A shop's store, behind its lane. */
  behind(shop: number, store: StoreShape): Pick<StoreShape, "transact"> {
    const lane = this.#lanes[shop] ?? new Lane(0)
    return {
      transact: (keys, decide) => {
        if (lane.free > 0) {
          lane.free--
          return this.#alone.withPermit(Effect.suspend(() => store.transact(keys, decide)))
        }
        let passed = false
        const pass = (): void => {
          if (passed) return
          passed = true
          lane.turns = true
          this.#next(lane)
        }
        const turn: Turn = { lane: 0, pass }
        const came = Effect.callback<void>((resume) => {
          lane.waiting.push(() => resume(Effect.void))
          this.#next(lane)
        })
        return Effect.andThen(
          came,
          Effect.onExit(
            Effect.suspend(() => store.transact(keys, decide, turn)),
            () =>
              Effect.sync(() => {
                lane.underWay--
                pass()
                this.#next(lane)
              }),
          ),
        )
      },
    }
  }

  #next(lane: Lane): void {
    if (!this.#open || !lane.turns || lane.underWay >= mostUnderWay) return
    const begin = lane.waiting.shift()
    if (begin === undefined) return
    lane.turns = false
    lane.underWay++
    begin()
  }
}

class Lane {
  /** Whether the last batch has passed its turn. */
  turns = true
  underWay = 0
  free: number
  readonly waiting: Array<() => void> = []

  constructor(free: number) {
    this.free = free
  }
}
