/**
 * Plays steps on a plain memory store, one after the other: the run that all others are compared with.
 */
import { Effect } from "effect"
import type { Command, Decision } from "../../../src/decision/Command.ts"
import { MemoryStore } from "../../../src/memory/index.ts"
import type { StoreShape } from "../../../src/ports/index.ts"
import { commandMaker, transact } from "../../../src/testing/suites/commands.ts"
import { watch } from "./look.ts"
import { commandOf, furnishing, type Step } from "./steps.ts"

export interface Played {
  readonly store: StoreShape
  readonly commands: ReadonlyArray<Command>
  readonly decisions: ReadonlyArray<Decision>
}

/** The plain store answers at once, so that nothing here has to wait. */
export const newStore = (): StoreShape => {
  const store = Effect.runSync(MemoryStore.make)
  Effect.runSync(watch(store))
  return store
}

/** Decides one batch. */
export const decideOn = (store: StoreShape, commands: ReadonlyArray<Command>): ReadonlyArray<Decision> =>
  Effect.runSync(transact(store, commands))

/** Decides one command. */
export const decideOne = (store: StoreShape, command: Command): Decision => {
  const [decision] = decideOn(store, [command])
  if (decision === undefined) throw new Error("A batch of one was answered with nothing.")
  return decision
}

/** Plays the furnishing and the steps, and shows each command with its decision and the step it came from. */
export const play = (
  steps: ReadonlyArray<Step>,
  show: (store: StoreShape, command: Command, decision: Decision, step: Step) => void = () => {},
): Played => {
  const store = newStore()
  const make = commandMaker()
  const commands: Array<Command> = []
  const decisions: Array<Decision> = []
  for (const step of [...furnishing, ...steps]) {
    const command = commandOf(step, make, store, commands)
    const decision = decideOne(store, command)
    commands.push(command)
    decisions.push(decision)
    show(store, command, decision, step)
  }
  return { store, commands, decisions }
}

/** A refusal's tag, or how else the command ended. */
export const endOf = (decision: Decision): string =>
  decision._tag === "Refused" ? decision.refusal._tag : decision._tag
