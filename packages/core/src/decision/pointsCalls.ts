/**
 * The calls that change accounts: open, suspend, resume, close, charge, adjust.
 */
import { Schema } from "effect"
import type { EventType } from "../events/Event.ts"
import { type Account, adjust, changeState, charge, type Moved, openAccount } from "../points/Account.ts"
import type {
  AccountAlreadyExists,
  AccountNotEmpty,
  AccountNotFound,
  AccountNotOpen,
  BalanceLimitExceeded,
  PointsNotEnough,
} from "../refusals.ts"
import { AccountId, Amount, Change, Label, maxAmount, PositiveAmount } from "../values.ts"
import type { Changes } from "./Changes.ts"
import type { EventOf } from "./Command.ts"
import { accept, asDecoded, type Call, keyOptional, keyRequired, noLane, repeat } from "./call.ts"
import type { Payload } from "./payloads.ts"
import { accountChanged } from "./termsChanged.ts"

export const OpenAccount = Schema.Struct({
  /** Your own id for it: 1–128 bytes of text. */
  accountId: AccountId,
  /** The most points it may hold after a charge. Default 2^53 − 1. */
  balanceLimit: Schema.optional(Amount),
  ...keyOptional,
})
export const NameAccount = Schema.Struct({
  /** The account. */
  accountId: AccountId,
  ...keyOptional,
})
export const ChargePoints = Schema.Struct({
  /** The account that gets the points. */
  accountId: AccountId,
  /** The points: a whole number of at least 1. */
  amount: PositiveAmount,
  ...keyRequired,
})
export const AdjustPoints = Schema.Struct({
  /** The account to correct. */
  accountId: AccountId,
  /** Up or down: a whole number other than 0. */
  change: Change,
  /** Why, for the ledger: 1–200 characters. */
  reason: Schema.optional(Label),
  ...keyRequired,
})

/** An account as it was opened, or as it is now. */
export type AccountAnswer = {
  /** The account. */
  readonly accountId: AccountId
  /** Only an open account charges, claims and buys. */
  readonly state: Account["state"]
  /** The most points it may hold after a charge. */
  readonly balanceLimit: Amount
}

/** What a charge did, with the exact balance right after it. */
export type ChargeAnswer = {
  /** The account that was charged. */
  readonly accountId: AccountId
  /** The points that were added. */
  readonly amount: Amount
  /** The balance right after this charge. */
  readonly balance: Amount
  /** The position of the entry in the account's ledger. */
  readonly seq: number
}

/** What an adjustment did, with the exact balance right after it. */
export type AdjustAnswer = {
  /** The account that was corrected. */
  readonly accountId: AccountId
  /** By how much, up or down. */
  readonly change: number
  /** The balance right after it. */
  readonly balance: Amount
  /** The position of the entry in the account's ledger. */
  readonly seq: number
}

/** An account may hold all that can be counted exactly, unless a limit is set. */
const noLimit = Amount.make(maxAmount)

interface OpenRequest {
  readonly accountId: AccountId
  readonly balanceLimit: Amount
}

export const openCall: Call<typeof OpenAccount, OpenRequest, AccountAnswer, AccountAlreadyExists> = {
  name: "points.open",
  input: OpenAccount,
  normalise: ({ accountId, balanceLimit }) => ({ accountId, balanceLimit: balanceLimit ?? noLimit }),
  intention: ({ accountId, balanceLimit }) => ({ accountId, balanceLimit }),
  keys: ({ accountId }, add) => add("account", [accountId]),
  lane: noLane,
  operator: true,
  decide: (records, { accountId, balanceLimit }, cause) => {
    const existing = records.account(accountId)
    if (existing === undefined) {
      const account = openAccount(accountId, balanceLimit, cause)
      return accept(
        answerOf(account),
        { records: { account: [account] } },
        eventOf("points.opened", accountId, { accountId, balanceLimit }),
      )
    }
    return existing.balanceLimit === balanceLimit
      ? repeat(answerOf(existing))
      : { _tag: "AccountAlreadyExists", existing: answerOf(existing) }
  },
}

type StateCall = Call<
  typeof NameAccount,
  typeof NameAccount.Type,
  AccountAnswer,
  AccountNotFound | AccountNotOpen | AccountNotEmpty
>

type StateEvent = "points.suspended" | "points.resumed" | "points.closed"

const stateCall = (name: string, state: Account["state"], type: StateEvent): StateCall => ({
  name,
  input: NameAccount,
  normalise: asDecoded,
  intention: ({ accountId }) => ({ accountId }),
  keys: ({ accountId }, add) => add("account", [accountId]),
  lane: noLane,
  operator: true,
  decide: (records, { accountId }, cause) => {
    const account = records.account(accountId)
    if (account === undefined) return accountNotFound(accountId)
    const changed = changeState(account, state)
    if (changed === undefined) return repeat(answerOf(account))
    if ("_tag" in changed) return changed
    // Closing relies on a balance of 0 too: the guard of a change of terms is exact.
    return accept(answerOf(changed), accountChanged(account, changed, cause), eventOf(type, accountId, { accountId }))
  },
})

export const suspendCall: StateCall = stateCall("points.suspend", "suspended", "points.suspended")
export const resumeCall: StateCall = stateCall("points.resume", "open", "points.resumed")
export const closeCall: StateCall = stateCall("points.close", "closed", "points.closed")

interface ChargeRequest {
  readonly accountId: AccountId
  readonly amount: Amount
  /** Whether an unknown account is opened by its first charge. */
  readonly opens: boolean
}

export const chargeCall: Call<
  typeof ChargePoints,
  ChargeRequest,
  ChargeAnswer,
  AccountNotFound | AccountNotOpen | BalanceLimitExceeded
> = {
  name: "points.charge",
  input: ChargePoints,
  normalise: ({ accountId, amount }, { accounts }) => ({
    accountId,
    amount,
    opens: accounts === "open-on-first-charge",
  }),
  intention: ({ accountId, amount }) => ({ accountId, amount }),
  keys: ({ accountId }, add) => add("account", [accountId]),
  lane: ({ accountId }) => accountId,
  operator: false,
  decide: (records, { accountId, amount, opens }, cause) => {
    const account = records.account(accountId) ?? (opens ? openAccount(accountId, noLimit, cause) : undefined)
    if (account === undefined) return accountNotFound(accountId)
    const moved = charge(account, amount, cause)
    if ("_tag" in moved) return moved
    const answer: ChargeAnswer = { accountId, amount, balance: moved.account.balance, seq: moved.entry.seq }
    return accept(answer, changesOf(moved), eventOf("points.charged", accountId, answer))
  },
}

export const adjustPointsCall: Call<
  typeof AdjustPoints,
  typeof AdjustPoints.Type,
  AdjustAnswer,
  AccountNotFound | PointsNotEnough | BalanceLimitExceeded
> = {
  name: "points.adjust",
  input: AdjustPoints,
  normalise: asDecoded,
  intention: ({ accountId, change, reason }) => ({ accountId, change, reason }),
  keys: ({ accountId }, add) => add("account", [accountId]),
  lane: ({ accountId }) => accountId,
  operator: true,
  decide: (records, { accountId, change, reason }, cause) => {
    const account = records.account(accountId)
    if (account === undefined) return accountNotFound(accountId)
    const moved = adjust(account, change, reason, cause)
    if ("_tag" in moved) return moved
    const answer: AdjustAnswer = { accountId, change, balance: moved.account.balance, seq: moved.entry.seq }
    return accept(answer, changesOf(moved), eventOf("points.adjusted", accountId, { ...answer, reason }))
  },
}

/** The answer shows the balance and its position, so both are guarded. */
const changesOf = ({ account, entry }: Moved): Changes => ({
  records: { account: [account] },
  rows: { entry: [entry] },
  exact: "account",
})

const answerOf = ({ accountId, state, balanceLimit }: Account): AccountAnswer => ({ accountId, state, balanceLimit })

const accountNotFound = (accountId: AccountId): AccountNotFound => ({ _tag: "AccountNotFound", accountId })

type PointsEvent = Extract<EventType, `points.${string}`>

const eventOf = <Type extends PointsEvent>(type: Type, accountId: AccountId, data: Payload<Type>): EventOf => ({
  type,
  aggregate: { type: "account", id: accountId },
  key: accountId,
  data,
})
