/**
 * What batches left behind, to decide the next ones on without reading: the blind path's records.
 *
 * They may be old, or not durable yet, and an account may even be a guess. So they can only lead to acceptance, and never
 * by themselves: the statements that write the changes compare every version that a decision relied on, exact guards every
 * counter, checks keep counters legal, and unique keys find receipts and coupons that were taken for absent. Where any of
 * these does not hold nothing is written, and the batch is decided on a snapshot like all others. So is one in which
 * anything is not accepted: a refusal or a replay has to come from a snapshot taken after the call began.
 */
import type { ChangeSet, Put, RecordOf, Records } from "@holdfast/core"
import { guessed } from "./statements/account.ts"

type Account = RecordOf["account"]
type Product = RecordOf["product"]
type Campaign = RecordOf["campaign"]

/** The most records of one kind. */
const maxRecords = 16_384
/** The most batches that go another way after blind decisions that came to nothing. */
const longestPause = 64

/** More than any order costs that is accepted blindly. What an account really holds is checked when it is written. */
const guessedBalance = 2 ** 52

export class Remembered {
  readonly #accounts = new Map<string, Account>()
  readonly #products = new Map<string, Product>()
  readonly #campaigns = new Map<string, Campaign>()
  /** An account whose terms most others share. */
  #typical: Account | undefined
  #pause = 0
  #failures = 0

  /** Whether it is worth while to decide blindly: not right after that came to nothing. Counts the batch. */
  isPromising(): boolean {
    if (this.#typical === undefined) return false
    return this.#pause === 0 || this.#pause-- === 0
  }

  /** A blind decision was made durable, or came to nothing. */
  turnedOut(well: boolean): void {
    this.#failures = well ? 0 : this.#failures + 1
    this.#pause = well ? 0 : Math.min(2 ** this.#failures, longestPause)
  }

  /** Records for one decision, and whether it needed any that nobody remembers. */
  records(): { readonly records: Records; readonly missed: () => boolean } {
    const guesses = new Map<string, Account>()
    let missed = false
    const found = <R>(record: R | undefined): R | undefined => {
      missed ||= record === undefined
      return record
    }
    const guess = (accountId: Account["accountId"]): Account | undefined => {
      const earlier = guesses.get(accountId)
      if (earlier !== undefined || this.#typical === undefined) return found(earlier)
      const account = { ...this.#typical, accountId, balance: balanceOf(guessedBalance), seq: 0, version: guessed }
      guesses.set(accountId, account)
      return account
    }
    const records: Records = {
      account: (accountId) => this.#accounts.get(accountId) ?? guess(accountId),
      product: (productId) => found(this.#products.get(productId)),
      campaign: (campaignId) => found(this.#campaigns.get(campaignId)),
      order: () => found(undefined),
      // Taken for absent. What sells adds to the bucket that is there; the other two have unique keys.
      bucket: () => undefined,
      coupon: () => undefined,
      receipt: () => undefined,
    }
    return { records, missed: () => missed }
  }

  /** What was on its way and came to nothing. A product whose stock alone is wrong will do: that moves by addition. */
  forget({ puts }: ChangeSet): void {
    for (const { after } of puts.account) this.#accounts.delete(after.accountId)
    for (const { after } of puts.campaign) this.#campaigns.delete(after.campaignId)
    for (const { before, after } of puts.product) {
      if (before?.version !== after.version) this.#products.delete(after.productId)
    }
  }

  /**
   * What became durable, or is on its way to be. Accounts are remembered where their counters matter; for the rest a guess
   * is as good.
   */
  keep({ puts }: ChangeSet): void {
    for (const { after, guard } of puts.account) {
      if (after.version === guessed) continue
      if (after.state === "open") this.#typical = after
      if (guard === "exact" || this.#accounts.has(after.accountId)) remember(this.#accounts, after.accountId, after)
    }
    for (const { after } of puts.product) remember(this.#products, after.productId, after)
    for (const { after } of puts.campaign) remember(this.#campaigns, after.campaignId, after)
  }
}

/** Whether changes can be written without knowing the record: a guess has no counters to compare. */
export const isWritable = ({ puts }: ChangeSet): boolean =>
  !puts.account.some(({ before, guard }: Put<Account>) => before?.version === guessed && guard === "exact")

const remember = <R>(records: Map<string, R>, key: string, record: R): void => {
  if (records.size >= maxRecords && !records.has(key)) {
    const [oldest] = records.keys()
    if (oldest !== undefined) records.delete(oldest)
  }
  records.set(key, record)
}

// biome-ignore lint/plugin/casts: a safe integer
const balanceOf = (balance: number): Account["balance"] => balance as Account["balance"]
