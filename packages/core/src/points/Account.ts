/**
 * An account of points and its ledger: the balance is always the sum of the entries.
 *
 * Pure rules. An account is opened on purpose; charges, spends, refunds and adjustments each move the balance and add
 * exactly one entry, with the next `seq` and the balance after it.
 */
import type {
  AccountNotEmpty,
  AccountNotOpen,
  AmountTooLarge,
  BalanceLimitExceeded,
  PointsNotEnough,
} from "../refusals.ts"
import {
  type AccountId,
  type Amount,
  type Cause,
  type CommandId,
  exactAmount,
  magnitude,
  minus,
  type OrderId,
  plus,
  unknownVersion,
  zero,
} from "../values.ts"

export interface Account {
  readonly accountId: AccountId
  /** Counters: they move by addition. */
  readonly balance: Amount
  readonly seq: number
  /** Terms: they change rarely, and `version` with them. */
  readonly state: "open" | "suspended" | "closed"
  readonly balanceLimit: Amount
  readonly openedAt: number
  readonly version: number
}

export interface PointEntry {
  /** The account whose ledger it stands in. */
  readonly accountId: AccountId
  /** 1, 2, 3 … without gaps per account. */
  readonly seq: number
  /** What moved the balance. */
  readonly type: "charge" | "spend" | "refund" | "adjust"
  /** What was added: negative for a spend. */
  readonly change: number
  /** The balance after this entry. */
  readonly balance: Amount
  /** The order that spent or refunded. */
  readonly orderId: OrderId | undefined
  /** Why the operator adjusted. */
  readonly reason: string | undefined
  readonly commandId: CommandId
  readonly at: number
}

/** An account and the entry that moved it. */
export interface Moved {
  readonly account: Account
  readonly entry: PointEntry
}

export const openAccount = (accountId: AccountId, balanceLimit: Amount, cause: Cause): Account => ({
  accountId,
  balance: zero,
  seq: 0,
  state: "open",
  balanceLimit,
  openedAt: cause.at,
  version: 1,
})

/** More than any order costs that is accepted on a guess. What an account really holds is checked when it is written. */
const guessedBalance = exactAmount(2 ** 52) ?? zero

/** An account that nobody has looked at: most are open, and have the same limit as another one. */
export const guessAccount = (example: Account, accountId: AccountId): Account | undefined =>
  example.state === "open"
    ? { ...example, accountId, balance: guessedBalance, seq: 0, version: unknownVersion }
    : undefined

/** Adds points. Needs an open account and room below its balance limit. */
export const charge = (account: Account, amount: Amount, cause: Cause): Moved | AccountNotOpen | BalanceLimitExceeded =>
  notOpen(account) ?? raise(account, amount, "charge", undefined, cause)

/** Takes the points of an order. The account's state was checked when the order was decided. */
export const spend = (account: Account, amount: Amount, orderId: OrderId, cause: Cause): Moved | PointsNotEnough => {
  const balance = minus(account.balance, amount)
  return balance === undefined
    ? pointsNotEnough(account, amount)
    : move(account, balance, -amount, "spend", orderId, undefined, cause)
}

/** Gives points of a cancelled order back, whatever the account's state and limit: they were the owner's before. */
export const refund = (account: Account, amount: Amount, orderId: OrderId, cause: Cause): Moved | AmountTooLarge => {
  const balance = plus(account.balance, amount)
  return balance === undefined
    ? { _tag: "AmountTooLarge", what: "balance" }
    : move(account, balance, amount, "refund", orderId, undefined, cause)
}

/** The operator's correction, in any state of the account. The limit binds it upward, zero binds it downward. */
export const adjust = (
  account: Account,
  change: number,
  reason: string | undefined,
  cause: Cause,
): Moved | PointsNotEnough | BalanceLimitExceeded => {
  if (change > 0) return raise(account, magnitude(change), "adjust", reason, cause)
  const balance = minus(account.balance, -change)
  return balance === undefined
    ? pointsNotEnough(account, magnitude(change))
    : move(account, balance, change, "adjust", undefined, reason, cause)
}

/** Changes the state; undefined where it already is that state. Closed is for good and needs a balance of 0. */
export const changeState = (
  account: Account,
  state: Account["state"],
): Account | undefined | AccountNotOpen | AccountNotEmpty => {
  if (account.state === state) return undefined
  if (account.state === "closed") return { _tag: "AccountNotOpen", accountId: account.accountId, state: "closed" }
  if (state === "closed" && account.balance > 0) {
    return { _tag: "AccountNotEmpty", accountId: account.accountId, balance: account.balance }
  }
  return { ...account, state, version: account.version + 1 }
}

/** The refusal for an account that may not charge, claim or buy; undefined where it may. */
export const notOpen = (account: Account): AccountNotOpen | undefined =>
  account.state === "open" ? undefined : { _tag: "AccountNotOpen", accountId: account.accountId, state: account.state }

const raise = (
  account: Account,
  amount: Amount,
  type: PointEntry["type"],
  reason: string | undefined,
  cause: Cause,
): Moved | BalanceLimitExceeded => {
  const { accountId, balance, balanceLimit } = account
  const raised = plus(balance, amount)
  return raised === undefined || raised > balanceLimit
    ? { _tag: "BalanceLimitExceeded", accountId, balance, amount, limit: balanceLimit }
    : move(account, raised, amount, type, undefined, reason, cause)
}

const pointsNotEnough = (account: Account, required: Amount): PointsNotEnough => ({
  _tag: "PointsNotEnough",
  accountId: account.accountId,
  required,
  available: account.balance,
})

const move = (
  account: Account,
  balance: Amount,
  change: number,
  type: PointEntry["type"],
  orderId: OrderId | undefined,
  reason: string | undefined,
  cause: Cause,
): Moved => {
  const seq = account.seq + 1
  return {
    account: { ...account, balance, seq },
    entry: {
      accountId: account.accountId,
      seq,
      type,
      change,
      balance,
      orderId,
      reason,
      commandId: cause.id,
      at: cause.at,
    },
  }
}
