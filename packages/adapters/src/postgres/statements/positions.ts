/**
 * Positions in the order of transactions, as SQL.
 */

/** In front of the positions of this cluster's transactions: see the table `era`. */
const base = "(select e.base from @.era e where e.one)"

/** The position of what this transaction writes. */
export const ownPosition = `${base} + pg_current_xact_id()::text::bigint`
/** No transaction before this position can commit anything any more. */
export const horizon = `${base} + pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
