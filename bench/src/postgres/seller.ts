/**
 * A process that sells: a shop of its own on the schema of the bench. It is told its turns and answers what it was
 * answered.
 */
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast } from "@holdfast/core"
import { during } from "./Comparison.ts"
import { Acknowledged } from "./recount.ts"

export interface Turn {
  readonly work: "order" | "claim" | "charge"
  readonly millis: number
  readonly callers: number
  /** Accounts `account-{first}` and every `step`-th after it, below `accounts`, are this process's to use. */
  readonly first: number
  readonly step: number
  readonly accounts: number
  readonly campaignId: string
}

export interface Sold {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly acknowledged: Pick<Acknowledged, "orders" | "charges" | "claims">
}

const [url, schema, lanes] = process.argv.slice(2)
if (url === undefined || schema === undefined) throw new Error("seller.ts <url> <schema> [<lanes>]")
const shop = createHoldfast({
  store: postgres({ url, schema, migrate: "off", lanes: lanes === "1" ? 1 : undefined }),
  deadlineMillis: 600_000,
  queueLimit: 100_000,
  workers: false,
})

let calls = 0

const sell = async ({ work, millis, callers, first, step, accounts, campaignId }: Turn): Promise<Sold> => {
  const acknowledged = new Acknowledged()
  let claimed = 0
  const works = {
    order: async (n: number) => {
      const key = `${process.pid}-${n}`
      const lines = [{ productId: "hot", quantity: 1 }]
      const { orderId } = await shop.orders.place({ accountId: `account-${n % accounts}`, lines, key })
      acknowledged.orders.push([key, orderId])
    },
    claim: async () => {
      const accountId = `account-${first + step * claimed++}`
      const { ticket } = await shop.coupons.issue({ campaignId, accountId })
      acknowledged.claims.push([campaignId, accountId, String(ticket)])
    },
    charge: async (n: number) => {
      const key = `${process.pid}-${n}`
      const { balance, seq } = await shop.points.charge({ accountId: "wallet", amount: 1, key })
      acknowledged.charges.push([key, String(balance), String(seq)])
    },
  }
  const atMost = work === "claim" ? Math.floor(accounts / step) : undefined
  const nothing = { cpuMicros: () => undefined }
  const { perSecond, p50, p99 } = await during(nothing, millis, callers, () => works[work](calls++), atMost)
  return { perSecond, p50, p99, acknowledged }
}

process.on("message", (turn: Turn) => {
  void sell(turn).then((sold) => process.send?.(sold))
})
// The bench has ended: nobody is left to sell for.
process.on("disconnect", () => process.exit(0))
await shop.start()
process.send?.("ready")
