/**
 * A store on a simulated server, as one process has it: sessions of its own, and what its batches remember. Every process
 * that works on the same server has one.
 */
import { Effect, Semaphore } from "effect"
import type { ChangeSet } from "../../decision/Changes.ts"
import { outboxOf } from "../../memory/MemoryOutbox.ts"
import { readsOf } from "../../memory/reads.ts"
import { afterYield } from "../../memory/step.ts"
import type { Guarantees, StoreShape } from "../../ports/index.ts"
import { type BatchState, newBatchState } from "../../transact/BatchState.ts"
import { transactOver } from "../../transact/fromSessions.ts"
import type { Frame, Session, SessionSource } from "../../transact/Session.ts"
import type { Processes } from "../trial/Processes.ts"
import { replicatedOutbox } from "./replicatedOutbox.ts"
import { ServerSession } from "./ServerSession.ts"
import { SimulatedCluster } from "./SimulatedCluster.ts"
import { type ServerRules, type Standby, usualRules } from "./SimulatedServer.ts"

/** How a server and its clients work. Mutants have something of it otherwise. */
export interface Setting {
  readonly standby: Standby
  readonly rules: ServerRules
  /** How many batches of one process may be decided at once. */
  readonly lanes: number
  /** What the batches of a process remember, when it begins. */
  readonly memory: () => BatchState
  /** Whether a session is ended before what it was sent counts as settled. */
  readonly settles: boolean
  /** Whether a frame is told to be sent before it is. */
  readonly tellsEarly: boolean
  /** What is sent for the changes of a batch; `before` the puts of those of this process that are not answered yet. */
  readonly sends: (changes: ChangeSet, isOnItsWay: (record: unknown) => boolean) => ChangeSet
}

export const usualSetting: Setting = {
  standby: "synchronous",
  rules: usualRules,
  lanes: 2,
  memory: newBatchState,
  settles: true,
  tellsEarly: false,
  sends: (changes) => changes,
}

export const guaranteesOf = ({ lanes }: Setting): Guarantees => ({
  name: "simulated server",
  durability: "nothing",
  scope: "many machines",
  lanes,
})

/** What stands between a process and each of its sessions, which are told of in the order in which they are opened. */
export type Between = (session: ServerSession) => Session

/** One more process that works on a server. */
export interface Connected {
  readonly store: StoreShape
  /** Opens the sessions that decide, rather than each when it is needed. */
  readonly ready: Effect.Effect<void>
  /** Its process has ended. */
  readonly cut: Effect.Effect<void>
}

export const connectTo = (
  cluster: SimulatedCluster,
  setting: Setting,
  isDisturbed: boolean,
  between: Between = (session) => session,
): Connected => {
  // The spare one is for when keys are busy.
  const connections = Array.from(
    { length: setting.lanes === 1 ? 1 : setting.lanes + 1 },
    () => new Connection(cluster, setting, isDisturbed, between),
  )
  const primary = () => cluster.primary
  const tables = () => cluster.primary.tables
  const outbox = outboxOf(replicatedOutbox(primary), afterYield)
  const reads = readsOf(tables, afterYield)
  const store: StoreShape = {
    guarantees: guaranteesOf(setting),
    passesTurns: true,
    transact: transactOver(
      connections.map(({ source }) => source),
      setting.memory(),
    ),
    settle: (attempt) => {
      if (!(attempt instanceof ServerSession)) return Effect.succeed(false)
      return setting.settles ? Effect.as(attempt.terminate, true) : Effect.succeed(true)
    },
    ...reads,
    reads: {
      ...reads.reads,
      receipt: (...asked) => Effect.tap(reads.reads.receipt(...asked), () => Effect.sync(() => primary().confirm())),
    },
    outbox: {
      ...outbox,
      register: (name) =>
        Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() => primary().register(name)),
        ),
    },
  }
  return {
    store,
    ready: Effect.forEach(connections.slice(0, setting.lanes), ({ ready }) => ready, { discard: true }),
    cut: Effect.forEach(connections, ({ cut }) => cut, { discard: true }),
  }
}

/** A connection that is made anew when it was cut. */
class Connection {
  readonly #cluster: SimulatedCluster
  readonly #setting: Setting
  readonly #isDisturbed: boolean
  readonly #between: Between
  readonly #alone = Semaphore.makeUnsafe(1)
  #session: { readonly at: ServerSession; readonly near: Session } | undefined
  readonly #onTheirWay = new Set<unknown>()

  constructor(cluster: SimulatedCluster, setting: Setting, isDisturbed: boolean, between: Between) {
    this.#cluster = cluster
    this.#setting = setting
    this.#isDisturbed = isDisturbed
    this.#between = between
  }

  readonly source: SessionSource = {
    use: (run) => this.#alone.withPermit(Effect.flatMap(this.#current, run)),
    follow: (run) => Effect.flatMap(this.#current, run),
  }

  readonly ready: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(this.#current))

  /** Its process has ended. */
  readonly cut: Effect.Effect<void> = Effect.suspend(() => this.#session?.at.cut ?? Effect.void)

  readonly #current: Effect.Effect<Session> = Effect.sync(() => {
    if (this.#session === undefined || this.#session.at.isCut) {
      const at = this.#cluster.connect(this.#isDisturbed, this.#setting.tellsEarly)
      this.#session = { at, near: this.#between(at) }
    }
    return this.#sending(this.#session.near)
  })

  #sending(session: Session): Session {
    const { sends } = this.#setting
    if (sends === usualSetting.sends) return session
    return {
      send: <F extends Frame>(frame: F, sent?: () => void) => {
        if (frame._tag !== "Apply") return session.send(frame, sent)
        const changes = sends(frame.changes, (record) => this.#onTheirWay.has(record))
        const made = [...changes.puts.account, ...changes.puts.product, ...changes.puts.campaign].map(
          ({ after }) => after,
        )
        for (const after of made) this.#onTheirWay.add(after)
        return Effect.ensuring(
          session.send<F>({ ...frame, changes }, sent),
          Effect.sync(() => {
            for (const after of made) this.#onTheirWay.delete(after)
          }),
        )
      },
    }
  }
}

/** The clusters behind stores, for whoever connects more processes to them. */
const clusters = new WeakMap<StoreShape, { readonly cluster: SimulatedCluster; readonly setting: Setting }>()

/** What connects processes to the server behind a store. */
export const processesOf = (store: StoreShape): Processes | undefined => {
  const found = clusters.get(store)
  if (found === undefined) return undefined
  const { cluster, setting } = found
  return {
    connect: Effect.sync(() => connectTo(cluster, setting, true)),
    disturb: (disturbances) => cluster.disturb(disturbances),
    settled: cluster.settled,
  }
}

/** A server of its own, and the store of whoever only looks at it: nothing of that is disturbed. */
export const makeSimulatedStore = (setting: Setting): Effect.Effect<StoreShape> =>
  Effect.map(SimulatedCluster.make({ rules: setting.rules, standby: setting.standby }), (cluster) => {
    const { store } = connectTo(cluster, setting, false)
    clusters.set(store, { cluster, setting })
    return store
  })
