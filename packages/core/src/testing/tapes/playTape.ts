/**
 * One plan on a stage, under one order of frames, replies and time-outs: the tape is what was chosen, move after move.
 */
import { Effect, Fiber, type Scope } from "effect"
import type { Keys } from "../../decision/Records.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import type { Chooser, Decision } from "../sim/SimScheduler.ts"
import type { Plan } from "../trial/Plan.ts"
import { runPlan } from "../trial/runPlan.ts"
import { newGlimpse, type Op, type TrialRecord } from "../trial/Trial.ts"
import { Lanes } from "./Lanes.ts"
import type { Move, Stage } from "./Stage.ts"

/** A plan for several shops. Its clients call them in turn: the first client the first shop, and so on. */
export interface TapePlan extends Plan {
  /** How many shops. */
  readonly engines: number
  readonly way: "store"
  /** How many batches each shop sends before everything is held: what it remembers then. Default: none. */
  readonly free?: ReadonlyArray<number>
  /** Whether replies are held too, or let go as soon as they come. Default: held. */
  readonly replies?: "held" | "at once"
  /** How many connections are cut at most, each instead of a reply. Default: none. */
  readonly cuts?: number
}

/** What became of a plan. */
export interface Played {
  readonly decisions: ReadonlyArray<Decision>
  /** Every move in words. Two runs of one tape have the same. */
  readonly trace: ReadonlyArray<string>
  /** What each call was answered, client by client: in words and numbers that are the same on every stage. */
  readonly verdicts: ReadonlyArray<string>
  /** Whether something waited for a lock. */
  readonly waited: boolean
  readonly record: TrialRecord
}

/** After so many time-outs of one run nobody gives up any more, unless nothing else can move. Callers try only so often. */
const mostTimeouts = 2

/** More moves are no tape: something goes round in circles. */
const mostMoves = 2_000

export const playTape = (
  plan: TapePlan,
  stage: Stage,
  choose: Chooser,
  prefix: string,
): Effect.Effect<Played, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const lanes = new Lanes(plan.engines, plan.free ?? [])
    const glimpse = newGlimpse()
    const shopOf = new WeakMap<Keys, StoreShape["transact"]>()
    let shops = 0
    const store: StoreShape = {
      ...stage.store,
      transact: (keys, decide) => (shopOf.get(keys) ?? stage.store.transact)(keys, decide),
    }
    const asSeenByShop = (seen: StoreShape): StoreShape => {
      const shop = shops++
      const { transact } = lanes.behind(shop, stage.shops[shop] ?? stage.store)
      return {
        ...seen,
        transact: (keys, decide) => {
          shopOf.set(keys, transact)
          return seen.transact(keys, decide)
        },
      }
    }
    const running = yield* Effect.forkChild(
      runPlan(plan, store, { prefix, tampering: { store: asSeenByShop }, glimpse }),
    )
    /** Clients of a shop that have calls to make. */
    const unfinished = (shop: number): number =>
      plan.clients.filter((steps, client) => {
        if (client % plan.engines !== shop) return false
        const planned = steps.reduce((sum, step) => sum + (step.do === "call" ? step.calls.length : 0), 0)
        return glimpse.ops.filter((op) => op.client === client).length < planned
      }).length
    const everyShop = (holds: (shop: number) => boolean): boolean => Array.from(stage.shops.keys()).every(holds)
    const allCame = (): boolean =>
      shops === plan.engines && everyShop((shop) => lanes.present(shop) === unfinished(shop))
    // Whoever has something under way waits for a frame or its reply, and whoever has not has nothing more to do.
    const isQuiet = (): boolean =>
      !lanes.isMoving && allCame() && everyShop((shop) => stage.outstanding(shop) >= lanes.underWay(shop))

    while (!allCame() && running.pollUnsafe() === undefined) yield* stage.turn
    yield* stage.hold
    lanes.open()
    const decisions: Array<Decision> = []
    const trace: Array<string> = []
    let waited = false
    const made = { timeout: 0, cut: 0 }
    const most = { timeout: mostTimeouts, cut: plan.cuts ?? 0 }
    while (running.pollUnsafe() === undefined && trace.length < mostMoves) {
      const found = yield* stage.moves(isQuiet)
      waited ||= found.some(isTimeout)
      const others = found.filter(({ does }) => (does !== "timeout" && does !== "cut") || made[does] < most[does])
      // Whoever waits for good would hang.
      const moves = others.length > 0 ? others : found.filter(isTimeout)
      const move =
        plan.replies === "at once" && moves.some(isReply) ? moves.find(isReply) : chosenOf(moves, choose, decisions)
      if (move === undefined) break
      if (move.does === "timeout" || move.does === "cut") made[move.does]++
      trace.push(textOf(move))
      yield* stage.make(move)
    }
    yield* stage.letGo
    const record = yield* Fiber.join(running)
    return { decisions, trace, waited, record, verdicts: verdictsOf(record) }
  })

const isReply = ({ does }: Move): boolean => does === "reply"

const isTimeout = ({ does }: Move): boolean => does === "timeout"

/** One of the moves, and a decision where there are several. What a chooser answers out of range counts as 0. */
const chosenOf = (moves: ReadonlyArray<Move>, choose: Chooser, decisions: Array<Decision>): Move | undefined => {
  const options = moves.length
  if (options < 2) return moves[0]
  const answer = choose({ options, preempts: false, fiberOf: (move) => move })
  const chosen = answer >= 0 && answer < options ? answer : 0
  decisions.push({ chosen, options })
  return moves[chosen]
}

const textOf = ({ does, at, what }: Move): string => `${does} ${at}: ${what}`

const verdictsOf = ({ ops }: TrialRecord): ReadonlyArray<string> =>
  ops
    .filter(({ client }) => client >= 0)
    .toSorted((one, other) => one.client - other.client || one.start - other.start)
    .map(({ client, planned, reply }) => `client ${client}: ${planned.call} ${verdictOf(reply)}`)

const verdictOf = (reply: Op["reply"]): string => {
  switch (reply._tag) {
    case "Accepted":
    case "Replayed":
      return `${reply._tag} ${numbersOf(reply.answer)}`
    case "Refused":
      return `${reply.refusal._tag} ${numbersOf(reply.refusal)}`
    case "Unavailable":
      return `${reply._tag} ${reply.outcome}`
    default:
      return reply._tag
  }
}

/** Ids and times are each run's own. */
const numbersOf = (value: object): string =>
  Object.entries(value)
    .flatMap(([name, field]) => (typeof field === "number" && field < firstMoment ? [`${name} ${field}`] : []))
    .sort()
    .join(", ")

/** Numbers from here on are moments, in milliseconds since 1970. */
const firstMoment = 1_000_000_000_000
