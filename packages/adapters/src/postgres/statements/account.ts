/** Accounts and their entries. An entry of a charge is the receipt of its command. */
import { bigint, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"
import { ledgerTable } from "./ledgerTable.ts"

export const entry = ledgerTable("entry", {
  table: "entry",
  owner: "accountId",
  position: "seq",
  fields: {
    accountId: text("account_id"),
    seq: bigint("seq"),
    type: text("type"),
    change: bigint("change"),
    balance: bigint("balance"),
    orderId: text("order_id"),
    reason: text("reason"),
    commandId: text("command_id"),
    at: bigint("at"),
  },
})

export const account = kindTable("account", {
  table: "account",
  key: ["accountId"],
  fixed: ["openedAt"],
  fields: {
    accountId: text("account_id"),
    balance: bigint("balance"),
    seq: bigint("seq"),
    state: text("state"),
    balanceLimit: bigint("balance_limit"),
    openedAt: bigint("opened_at"),
    version: bigint("version"),
  },
  ledger: entry,
  // Orders are numbered by their account, whose row is locked until they are committed.
  counting: {
    of: (batch, { accountId }) => batch.ordersOf(accountId),
    columns: { orders: "x.counted" },
    addsTo: "orders",
  },
})
