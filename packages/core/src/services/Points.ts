/**
 * Points: accounts, their balance and their ledger.
 */
import { Context, Effect, Layer, Schema } from "effect"
import {
  type AccountAnswer,
  type AdjustAnswer,
  type AdjustPoints,
  adjustPointsCall,
  type ChargeAnswer,
  type ChargePoints,
  chargeCall,
  closeCall,
  type NameAccount,
  type OpenAccount,
  openCall,
  resumeCall,
  suspendCall,
} from "../decision/pointsCalls.ts"
import type { PointEntry as EntryRow } from "../points/Account.ts"
import type {
  AccountAlreadyExists,
  AccountNotEmpty,
  AccountNotFound,
  AccountNotOpen,
  BalanceLimitExceeded,
  PointsNotEnough,
} from "../refusals.ts"
import { AccountId, type Amount } from "../values.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { asStored, type Change, change, orUnavailable, type Read, read } from "./method.ts"
import { orderField, type Page, PositionCursor, pageFields, pageOf, positionOf, storePage } from "./pages.ts"

/** One line of an account's ledger. */
export interface PointEntry extends Omit<EntryRow, "at" | "commandId"> {
  /** When the call was admitted. `seq` tells the order. */
  readonly at: Date
}

const ListEntries = Schema.Struct({
  /** The account. */
  accountId: AccountId,
  cursor: Schema.optional(PositionCursor),
  ...orderField,
  ...pageFields,
})

export interface PointsShape {
  /**
   * Opens an account with a balance of 0. Repeating it with the same definition is `replayed: true`. `balanceLimit`
   * (default 2^53 − 1) binds charges and positive adjustments, never refunds.
   */
  readonly open: Change<typeof OpenAccount.Encoded, AccountAnswer, AccountAlreadyExists>
  /** Stops an account from charging, claiming coupons and buying, until it is resumed. Refunds still reach it. */
  readonly suspend: Change<
    typeof NameAccount.Encoded,
    AccountAnswer,
    AccountNotFound | AccountNotOpen | AccountNotEmpty
  >
  /** Ends a suspension. */
  readonly resume: Change<typeof NameAccount.Encoded, AccountAnswer, AccountNotFound | AccountNotOpen | AccountNotEmpty>
  /** Closes an account without points for good. */
  readonly close: Change<typeof NameAccount.Encoded, AccountAnswer, AccountNotFound | AccountNotOpen | AccountNotEmpty>
  /** Adds `amount` ≥ 1 points. Answers with the exact balance right after it. */
  readonly charge: Change<
    typeof ChargePoints.Encoded,
    ChargeAnswer,
    AccountNotFound | AccountNotOpen | BalanceLimitExceeded
  >
  /** Corrects a balance by `change`, up or down, in any state of the account. Never below 0. */
  readonly adjust: Change<
    typeof AdjustPoints.Encoded,
    AdjustAnswer,
    AccountNotFound | PointsNotEnough | BalanceLimitExceeded
  >
  /** The points of an account now. */
  readonly balance: Read<string, Amount, AccountNotFound>
  /** The account's ledger, newest first: each entry with the balance after it and the order it belongs to. */
  readonly entries: Read<typeof ListEntries.Encoded, Page<PointEntry>, AccountNotFound>
}

export class Points extends Context.Service<Points, PointsShape>()("@holdfast/core/Points") {
  static readonly layer: Layer.Layer<Points, never, Kernel> = Layer.effect(Points, Effect.map(Kernel, makePoints))
}

export function makePoints(kernel: KernelShape): PointsShape {
  const found = Effect.fnUntraced(function* (accountId: AccountId) {
    const account = yield* orUnavailable(kernel.store.reads.account(accountId))
    return account ?? (yield* Effect.fail<AccountNotFound>({ _tag: "AccountNotFound", accountId }))
  })
  const itself = <A>(answer: A): A => answer
  return {
    open: change(kernel, openCall, asStored(itself)),
    suspend: change(kernel, suspendCall, asStored(itself)),
    resume: change(kernel, resumeCall, asStored(itself)),
    close: change(kernel, closeCall, asStored(itself)),
    charge: change(kernel, chargeCall, asStored(itself)),
    adjust: change(kernel, adjustPointsCall, asStored(itself)),
    balance: read(AccountId, (accountId) => Effect.map(found(accountId), ({ balance }) => balance)),
    entries: read(
      ListEntries,
      Effect.fnUntraced(function* (list) {
        const page = storePage(list, positionOf(list.cursor), "newest-first")
        const rows = yield* orUnavailable(kernel.store.reads.entries(list.accountId, page))
        // An empty ledger and an account that was never opened look alike, so only then the account is looked up.
        if (rows.length === 0) yield* found(list.accountId)
        return pageOf(rows, page, ({ seq }) => String(seq), entryOf)
      }),
    ),
  }
}

const entryOf = ({ commandId: _, at, ...entry }: EntryRow): PointEntry => ({ ...entry, at: new Date(at) })
