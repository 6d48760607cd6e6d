/**
 * The operations whose receipts stand in the rows that they make, by table; see the view `receipts` of the schema.
 */
export const homes = { orders: "orders.place", entry: "points.charge", coupon: "coupons.issue" } as const

export type Home = keyof typeof homes
export const homeNames: ReadonlyArray<Home> = ["orders", "entry", "coupon"]

const byOperation: ReadonlyMap<string, Home> = new Map(homeNames.map((home) => [homes[home], home]))
/** The table where the receipts of an operation stand; undefined where each has a row of its own. */
export const homeOf = (operation: string): Home | undefined => byOperation.get(operation)
