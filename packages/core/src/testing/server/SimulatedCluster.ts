/**
 * The server that processes connect to, whichever machine it is by now, with all of their sessions; and what goes wrong
 * between them, as planned.
 */
import { Effect } from "effect"
import { AccountId, CampaignId, type Key, ProductId } from "../../values.ts"
import type { FrameFault } from "../trial/Plan.ts"
import type { Disturbances } from "../trial/Processes.ts"
import { type Delivery, ServerSession } from "./ServerSession.ts"
import { rowName } from "./ServerTransaction.ts"
import { type ServerOptions, type ServerWork, SimulatedServer, serverWork } from "./SimulatedServer.ts"

export class SimulatedCluster {
  readonly #runs: ServerWork
  #primary: SimulatedServer
  #disturbances: Disturbances = { faults: [], prefix: "", met: () => {} }
  readonly #sessions = new Set<ServerSession>()
  #frames = 0
  #commits = 0

  constructor(runs: ServerWork, options: ServerOptions = {}) {
    this.#runs = runs
    this.#primary = new SimulatedServer(runs, { ...options, waits: this.#waits })
  }

  static readonly make = (options?: ServerOptions): Effect.Effect<SimulatedCluster> =>
    Effect.map(serverWork, (runs) => new SimulatedCluster(runs, options))

  /** The server that is in charge. */
  get primary(): SimulatedServer {
    return this.#primary
  }

  /** Counts frames and commits from now on, and disturbs them. */
  disturb(disturbances: Disturbances): void {
    this.#disturbances = disturbances
    this.#frames = 0
    this.#commits = 0
  }

  /** One more session. What becomes of its frames is as planned, where a process sends them. */
  connect(isDisturbed: boolean, tellsEarly = false): ServerSession {
    const session = new ServerSession(this.#primary, {
      deliver: isDisturbed ? this.#deliver : delivered,
      tellsEarly,
    })
    this.#sessions.add(session)
    return session
  }

  /** The standby takes over: every connection is cut, and nothing goes on at the machine that it was to. */
  failOver(): void {
    const sessions = Array.from(this.#sessions)
    this.#sessions.clear()
    this.#primary = this.#primary.promote()
    for (const { cut } of sessions) Effect.runSync(cut)
  }

  /** Completes when nothing is under way for anybody whose connection was cut. */
  readonly settled: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      Array.from(this.#sessions).filter(({ isCut }) => isCut),
      ({ done }) => done,
      { discard: true },
    ),
  )

  readonly #deliver = (): Delivery => {
    const at = ++this.#frames
    const { faults, met } = this.#disturbances
    let delivery: Delivery = "delivered"
    for (const fault of faults) {
      if (fault.at !== at || fault.fault === "cancel-wait") continue
      met(fault.fault === "cut-frame" ? `${fault.fault} ${fault.fate}` : fault.fault)
      if (fault.fault === "cut-frame") delivery = fault.fate
      else if (fault.fault === "promote") this.failOver()
      else this.#hold(fault)
    }
    return delivery
  }

  readonly #waits = (): boolean => {
    const at = ++this.#commits
    const { faults, met } = this.#disturbances
    if (!faults.some((each) => each.fault === "cancel-wait" && each.at === at)) return true
    met("cancel-wait")
    return false
  }

  /** A stranger's transaction locks a row, and is rolled back after a while. */
  #hold({ row, id, millis }: Extract<FrameFault, { readonly fault: "hold-row" }>): void {
    const { locks } = this.#primary
    const stranger = { locks: new Set<string>() }
    const name = rowName(row, keysOf[row](`${this.#disturbances.prefix}-${id}`))
    const held = Effect.andThen(locks.take(stranger, name, "exclusive", millis), Effect.sleep(millis))
    const released = Effect.sync(() => locks.release(stranger))
    // It has begun by now, and nobody ends it before its time.
    void this.#runs(Effect.ensuring(held, released))
  }
}

const delivered = (): Delivery => "delivered"

const keysOf: { readonly [R in Extract<FrameFault, { readonly fault: "hold-row" }>["row"]]: (id: string) => Key } = {
  account: (id) => [AccountId.make(id)],
  product: (id) => [ProductId.make(id)],
  campaign: (id) => [CampaignId.make(id)],
}
