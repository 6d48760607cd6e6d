/**
 * The reference that the checkers are checked by: tries every order that real time allows. For small histories only.
 */
import { endOf, type History } from "./History.ts"
import type { Model } from "./Model.ts"

/** Whether a history of at most about ten operations is linearizable, by trying everything. */
export const bruteForce = <S, I, O>(model: Model<S, I, O>, history: History<I, O>): boolean => {
  const place = (state: S, rest: History<I, O>): boolean => {
    if (rest.every(({ outcome }) => outcome._tag === "Unknown")) return true
    const earliestEnd = Math.min(...rest.map(endOf))
    return rest.some((operation, index) => {
      if (operation.start > earliestEnd) return false
      const { outcome } = operation
      const next = model.step(state, operation.input, outcome._tag === "Known" ? outcome.output : undefined)
      return next !== undefined && place(next, [...rest.slice(0, index), ...rest.slice(index + 1)])
    })
  }
  return Array.from(partition(model, history).values()).every((each) => place(model.init, each))
}

/** The operations of each key. */
export const partition = <S, I, O>(model: Model<S, I, O>, history: History<I, O>): Map<string, History<I, O>> => {
  const { key } = model
  return key === undefined ? new Map([["", history]]) : Map.groupBy(history, ({ input }) => key(input))
}
