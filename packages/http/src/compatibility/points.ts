/**
 * A user is an account, and `totalPoint` is its balance.
 */
import type { Page, PointEntry } from "@holdfast/core"
import { pageBody, type Translations } from "./Words.ts"

const names = { accountId: "userId" }

export interface Balance {
  readonly accountId: string
  readonly balance: number
}

export interface Charged extends Balance {
  readonly amount: number
  readonly seq: number
}

export const points = {
  balance: {
    names,
    input: ({ params: { userId } }) => ({ accountId: userId }),
    body: ({ accountId, balance }: Balance) => ({ userId: accountId, totalPoint: balance }),
  },
  charge: {
    names,
    input: ({ params: { userId }, payload: { amount } }) => ({ accountId: userId, amount }),
    body: (charged: Charged) => chargedBody(charged),
  },
  entries: {
    names,
    input: ({ params: { userId }, query }) => ({ accountId: userId, ...query }),
    body: (page: Page<PointEntry>) => pageBody(page, entryBody),
  },
} satisfies Translations["points"]

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
