/**
 * A user's points over HTTP: balance, charge, ledger.
 */
import type { PointEntry } from "@holdfast/core"
import type { Contract } from "../contract/contract.ts"
import type { Handlings } from "./Handling.ts"
import { pageBody } from "./pages.ts"

const names = { accountId: "userId" }

export const points: Handlings<typeof Contract>["points"] = {
  balance: {
    action: "points.balance",
    resource: ({ params }) => params,
    names,
    run: async ({ params: { userId } }, { shop }) => ({
      body: { userId, totalPoint: await shop.points.balance(userId) },
    }),
  },
  charge: {
    action: "points.charge",
    resource: ({ params }) => params,
    names,
    run: async ({ params: { userId }, payload: { amount } }, { shop, key, scope, signal }) => {
      const charged = await shop.points.charge({ accountId: userId, amount, key, scope }, { signal })
      return { body: chargedBody(charged), replayed: charged.replayed }
    },
  },
  entries: {
    action: "points.entries",
    resource: ({ params }) => params,
    names,
    run: async ({ params: { userId }, query }, { shop }) => ({
      body: pageBody(await shop.points.entries({ accountId: userId, ...query }), entryBody),
    }),
  },
}

interface Charged {
  readonly accountId: string
  readonly amount: number
  readonly balance: number
  readonly seq: number
}

export const chargedBody = ({ accountId, amount, balance, seq }: Charged) => ({
  userId: accountId,
  chargedAmount: amount,
  totalPoint: balance,
  seq,
})

const entryBody = ({ seq, type, change, balance, orderId, reason, at }: PointEntry) => ({
  seq,
  type,
  change,
  totalPoint: balance,
  ...(orderId !== undefined && { orderId }),
  ...(reason !== undefined && { reason }),
  at: at.toISOString(),
})
