/**
 * What every session of the store is set to, whoever opened it.
 *
 * Plans are made once, often while tables are empty, and kept: index look-ups and nested loops are right at every size
 * here (a plan cached on empty tables was seven to ten times slower). Bitmap scans would lock rows in heap order.
 * A lock is waited for far shorter than the server takes to look for deadlocks.
 */

/** What a session is used for. Deciding sessions give up early on locks that somebody else holds. */
export type Purpose = "decide" | "read" | "deliver" | "migrate"

/** Names and values. The names are ours and the values plain, so both may stand in a statement as they are. */
export type Settings = ReadonlyArray<readonly [name: string, value: string]>

const planning: Settings = [
  ["client_encoding", "UTF8"],
  ["enable_seqscan", "off"],
  ["enable_bitmapscan", "off"],
  ["enable_hashjoin", "off"],
  ["enable_mergejoin", "off"],
  ["plan_cache_mode", "force_generic_plan"],
  ["jit", "off"],
  ["client_min_messages", "warning"],
  // Without it the NULL of an array is read as a text of four letters.
  ["array_nulls", "on"],
]

/** The most that a session waits, for whatever reason. */
const patience = (lock: string, statement: string, idle: string): Settings => [
  ["lock_timeout", lock],
  ["statement_timeout", statement],
  ["idle_in_transaction_session_timeout", idle],
]

/** Settings that hold for one transaction as well as for a session. */
export const settingsOf = (purpose: Purpose): Settings => {
  switch (purpose) {
    case "decide":
      return [...planning, ...patience("100ms", "5s", "5s")]
    case "deliver":
      return [...planning, ...patience("1s", "5s", "5s")]
    case "read":
      return [...planning, ...patience("1s", "10s", "5s")]
    case "migrate":
      return [...planning, ...patience("10s", "60s", "60s")]
  }
}

/** Settings of a session of our own: it writes nothing unless a transaction says so. */
const ownSettingsOf = (purpose: Purpose): Settings => [["default_transaction_read_only", "on"], ...settingsOf(purpose)]

/** What ends a session in the middle of whatever it does, a migration as well. Servers below 17 do not know it. */
const noTransactionTimeout = `(select set_config(name, '0', false) from pg_settings where name = 'transaction_timeout')`

/** One statement that makes the settings of a session of our own. */
export const ownSetting = (purpose: Purpose): string =>
  `${setting(ownSettingsOf(purpose), false)}, ${noTransactionTimeout}`

/** One statement that makes them, for the session or for the transaction alone. */
export const setting = (settings: Settings, local: boolean): string =>
  `select ${settings.map(([name, value]) => `set_config('${name}', '${value}', ${local})`).join(", ")}`
