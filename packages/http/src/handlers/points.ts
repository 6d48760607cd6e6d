/**
 * An account's points over HTTP: balance, charge, ledger.
 */
import type { No } from "../problems/problem.ts"
import type { Call, Handlings } from "./Handling.ts"

export const points: Handlings["points"] = {
  balance: {
    action: "points.balance",
    run: async ({ accountId }, { shop }) => ({ accountId, balance: await shop.points.balance(accountId) }),
  },
  charge: {
    action: "points.charge",
    run: async (input, call) => {
      const refused = await refusedToCharge(input, call)
      if (refused !== undefined) return refused
      const { shop, key, scope, signal, traceparent } = call
      return shop.points.charge({ ...input, key, scope }, { signal, traceparent })
    },
  },
  entries: {
    action: "points.entries",
    run: (input, { shop }) => shop.points.entries(input),
  },
}

/** Points are money: until the host says who may make some, no caller may. */
const refusedToCharge = async (
  { accountId, amount }: { readonly accountId: string; readonly amount: number },
  { charge, caller, asks }: Call,
): Promise<No | undefined> => {
  if (charge === undefined || caller === undefined) return { _tag: "Surface", code: "CHARGE_NOT_OFFERED" }
  const { by } = charge
  const allowed = by === "owner" || (await asks("charge.by", () => by({ caller, accountId, amount })))
  return allowed ? undefined : { _tag: "Surface", code: "FORBIDDEN" }
}
