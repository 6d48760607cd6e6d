/**
 * The same orders without engine, promises and lanes: decode, normalise, stamp, fold in batches, commit.
 *
 * This is the least that an order costs on these rules and this store, and what the façade is compared with.
 */
import { Effect } from "effect"
import { inOneGo, type Measured, rateOf } from "../load.ts"
import { admissionOf, type Command, fold, isInvalid, keysOfCommands, makeStamps, placeCall } from "./belowTheEngine.ts"
import { orderOf, type World } from "./World.ts"

/** As many commands as 64 callers have waiting at once. */
const batchSize = 64

export class BareFold {
  readonly #world: World
  readonly #admit: (input: unknown) => Command

  constructor(world: World) {
    this.#world = world
    const admit = admissionOf(placeCall, makeStamps({ deadlineMillis: 600_000 }, Date.now, Math.random))
    this.#admit = (input) => {
      const command = admit(input)
      if (isInvalid(command)) throw new Error(JSON.stringify(command))
      // As in the engine: an operation is only ever called with the request of its own command.
      return command as unknown as Command
    }
  }

  /** Places orders from what a caller types to what is committed. */
  place(count: number, productAt: (index: number) => string): Measured {
    return inOneGo(count, () => {
      for (let from = 0; from < count; from += batchSize) this.#commit(this.#commands(from, count, productAt))
    })
  }

  /** The same with the commands of each batch made beforehand, outside of what is measured. */
  placePrepared(count: number, productAt: (index: number) => string): Measured {
    let millis = 0
    for (let from = 0; from < count; from += batchSize) {
      const commands = this.#commands(from, count, productAt)
      const began = performance.now()
      this.#commit(commands)
      millis += performance.now() - began
    }
    return rateOf(count, millis)
  }

  #commands(from: number, count: number, productAt: (index: number) => string): ReadonlyArray<Command> {
    const commands: Array<Command> = []
    for (let index = from; index < Math.min(from + batchSize, count); index++) {
      commands.push(this.#admit(orderOf(this.#world, productAt(index))))
    }
    return commands
  }

  #commit(commands: ReadonlyArray<Command>): void {
    const { store } = this.#world
    const decisions = Effect.runSync(
      store.transact(keysOfCommands(commands), (records) => fold(commands, records, Date.now())),
    )
    for (const decision of decisions) {
      if (decision._tag !== "Accepted") throw new Error(`An order was not accepted: ${JSON.stringify(decision)}`)
    }
  }
}
