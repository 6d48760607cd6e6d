/**
 * Processes that sell, as the bench sees them: started once, told their turns together.
 */
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Context } from "../Scenario.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"
import type { Sample } from "./Comparison.ts"
import type { Acknowledged } from "./recount.ts"
import type { Sold, Turn } from "./seller.ts"

export class Sellers {
  readonly #children: ReadonlyArray<ChildProcess>
  readonly #database: BenchDatabase
  readonly #acknowledged: Acknowledged

  private constructor(children: ReadonlyArray<ChildProcess>, database: BenchDatabase, acknowledged: Acknowledged) {
    this.#children = children
    this.#database = database
    this.#acknowledged = acknowledged
  }

  /** With one lane in each process, or with as many as a shop has by default. */
  static async start(
    count: number,
    database: BenchDatabase,
    acknowledged: Acknowledged,
    { atEnd }: Context,
    lanes?: 1,
  ): Promise<Sellers> {
    const children = Array.from({ length: count }, () =>
      fork(join(import.meta.dirname, "seller.ts"), [database.url, database.schema, ...(lanes === 1 ? ["1"] : [])], {
        execArgv: process.execArgv,
      }),
    )
    atEnd(() => Promise.all(children.map(ended)))
    await Promise.all(children.map((child) => answerOf<"ready">(child)))
    return new Sellers(children, database, acknowledged)
  }

  /** The first `processes` of them sell at the same time, each with so many callers. Their rates add up. */
  async sell(processes: number, { accounts, ...turn }: Omit<Turn, "first" | "step">): Promise<Sample> {
    const cpu = this.#database.cpuMicros()
    const sold = await Promise.all(
      this.#children.slice(0, processes).map((child, first) => {
        const answer = answerOf<Sold>(child)
        child.send({ ...turn, accounts, first, step: processes } satisfies Turn)
        return answer
      }),
    )
    const after = this.#database.cpuMicros()
    const count = sold.reduce((sum, { acknowledged: its }) => sum + lengthOf(its), 0)
    for (const { acknowledged } of sold) this.#acknowledged.add(acknowledged)
    return {
      perSecond: sold.reduce((sum, { perSecond }) => sum + perSecond, 0),
      p50: Math.max(...sold.map(({ p50 }) => p50)),
      p99: Math.max(...sold.map(({ p99 }) => p99)),
      serverMicros: cpu === undefined || after === undefined ? undefined : (after - cpu) / count,
    }
  }
}

const lengthOf = ({ orders, charges, claims }: Sold["acknowledged"]): number =>
  orders.length + charges.length + claims.length

const ended = (child: ChildProcess): Promise<unknown> | undefined => {
  if (child.exitCode !== null || child.signalCode !== null) return undefined
  const gone = new Promise((resolve) => child.once("exit", resolve))
  child.disconnect()
  return gone
}

const answerOf = <Answer>(child: ChildProcess): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`A seller of the bench ended with ${code}.`))
    child.once("exit", onExit)
    child.once("message", (message) => {
      child.off("exit", onExit)
      resolve(message as Answer)
    })
  })
