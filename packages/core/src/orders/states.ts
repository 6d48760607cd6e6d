/**
 * The states of an order and the moves between them, one row a state. The rules, the audit, the check of the table and HTTP
 * take them from here, so that a new state is a new row and what the compiler then asks for.
 */

/** What may be done with an order that was placed. */
export type OrderMove = "complete" | "cancel"

interface StateRow {
  /** Nothing changes any more; the order says when it was closed, and by which command. */
  readonly isClosed: boolean
  /** Its units were sold: they count for what is popular. */
  readonly isSale: boolean
  /** Where each move that is allowed leads to. */
  readonly moves: Partial<Record<OrderMove, string>>
}

export const orderStates = {
  placed: { isClosed: false, isSale: true, moves: { complete: "completed", cancel: "cancelled" } },
  completed: { isClosed: true, isSale: true, moves: {} },
  cancelled: { isClosed: true, isSale: false, moves: {} },
} as const satisfies Record<string, StateRow>

export type OrderState = keyof typeof orderStates

/** What an order becomes when it is placed. */
export const placedState: OrderState = "placed"

/** What each move makes of an order that is open. */
export const stateAfter = orderStates.placed.moves satisfies Record<OrderMove, OrderState>

export const isClosed = (state: OrderState): boolean => orderStates[state].isClosed

export const isSale = (state: OrderState): boolean => orderStates[state].isSale

export const mayComplete = (state: OrderState): boolean => "complete" in orderStates[state].moves

export const mayCancel = (state: OrderState): boolean => "cancel" in orderStates[state].moves
