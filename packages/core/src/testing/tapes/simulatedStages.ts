/**
 * A stage on a simulated server: the tapes of a real one, played on its model. Where the two come to different moves, the
 * model is wrong.
 *
 * A lock wait ends when the lock is given or when the tape says so; no clock is asked.
 */
import { Effect } from "effect"
import { newBatchState, type Path } from "../../transact/BatchState.ts"
import { SimulatedCluster } from "../server/SimulatedCluster.ts"
import { serverWork } from "../server/SimulatedServer.ts"
import { connectTo, type Setting, usualSetting } from "../server/simulatedStore.ts"
import { HeldSession } from "./HeldSession.ts"
import type { OpenStage } from "./playTapes.ts"
import type { Move, Stage } from "./Stage.ts"

/** For so many turns in a row nothing may have moved. */
const stillTurns = 3
/** Nothing moves for so many turns only where something hangs. Decides nothing but that the run has failed. */
const hangTurns = 100_000

export interface SimulatedStagesOptions {
  /** How many shops. */
  readonly shops: number
  /** Which path their batches take. Default: any. */
  readonly path?: Path | undefined
}

/** Answers how a stage is opened: on a simulated server of its own, without standbys. */
export const simulatedStages = ({ shops, path }: SimulatedStagesOptions): OpenStage =>
  stagesOf(shops, { ...usualSetting, standby: "none", memory: () => newBatchState(path) })

/** The same on a server, and with clients, that work in another way. */
export const stagesOf = (shops: number, setting: Setting): OpenStage =>
  Effect.gen(function* () {
    const runs = yield* serverWork
    const { rules, standby } = setting
    const cluster = yield* SimulatedCluster.make({ rules, standby, patience: "told" })
    const state = { isHeld: false }
    const sessions: ReadonlyArray<Array<HeldSession>> = Array.from({ length: shops }, () => [])
    const processes = sessions.map((opened) =>
      connectTo(cluster, setting, false, (session) => {
        const held = new HeldSession(session, runs, state.isHeld)
        opened.push(held)
        return held
      }),
    )
    // As a shop on a real server has those that decide from its start.
    for (const { ready } of processes) yield* ready
    const { store } = connectTo(cluster, setting, false)
    const stores = processes.map((process) => process.store)
    return stageOf(store, stores, sessions, (isHeld) => {
      state.isHeld = isHeld
    })
  })

const stageOf = (
  store: Stage["store"],
  shops: Stage["shops"],
  sessions: ReadonlyArray<ReadonlyArray<HeldSession>>,
  holdNew: (isHeld: boolean) => void,
): Stage => {
  const named = (): ReadonlyArray<readonly [at: string, session: HeldSession]> =>
    sessions.flatMap((opened, shop) => opened.map((session, index) => [`${shop}.${index}`, session] as const))

  const moves: Stage["moves"] = (isQuiet) =>
    Effect.gen(function* () {
      for (let [still, turns] = [0, 0]; still < stillTurns; turns++) {
        yield* Effect.yieldNow
        still = isQuiet() && named().every(([, session]) => session.isStill) ? still + 1 : 0
        if (turns > hangTurns) return yield* Effect.die(new Error("Nothing moved any more, and nothing rested."))
      }
      const found = named()
      const those = (does: Move["does"], whatOf: (session: HeldSession) => string | undefined) =>
        found.flatMap(([at, session]): ReadonlyArray<Move> => {
          const what = whatOf(session)
          return what === undefined ? [] : [{ does, at, what }]
        })
      return [
        ...those("send", ({ nextFrame }) => nextFrame),
        ...those("reply", ({ nextReply }) => nextReply),
        ...those("timeout", ({ waitsWith }) => waitsWith),
        ...those("cut", ({ mayLose }) => mayLose),
      ]
    })

  const make: Stage["make"] = ({ does, at }) =>
    Effect.suspend(() => {
      const session = named().find(([name]) => name === at)?.[1]
      if (session === undefined) return Effect.die(new Error(`There is no connection ${at}.`))
      return Effect.sync(() => session.let(does))
    })

  return {
    store,
    shops,
    outstanding: (shop) => sessions[shop]?.reduce((sum, { outstanding }) => sum + outstanding, 0) ?? 0,
    turn: Effect.yieldNow,
    moves,
    make,
    hold: Effect.sync(() => {
      holdNew(true)
      for (const [, session] of named()) session.hold()
    }),
    letGo: Effect.sync(() => {
      holdNew(false)
      for (const [, session] of named()) session.letGo()
    }),
  }
}
