/**
 * Buys by the client that Hey API made of the document.
 */

import { createClient } from "../.generated/heyApi/client/index.ts"
import { type OrdersPlaceErrors, ordersPlace } from "../.generated/heyApi/index.ts"

export const buy = async (
  fetch: (request: Request) => Promise<Response>,
  { userId, productId, quantity, key }: Record<"userId" | "productId" | "key", string> & { quantity: number },
): Promise<string> => {
  const client = createClient({
    baseUrl: "http://shop.test",
    fetch: (input, init) => fetch(new Request(input, init)),
    headers: { "x-caller": userId },
  })
  const { data, error } = await ordersPlace({
    client,
    headers: { "Idempotency-Key": key },
    body: { userId, orderItems: [{ productId, quantity }] },
  })
  return data === undefined ? no(error) : `paid ${data.paidAmount}`
}

/** What a caller makes of a no: by its status, then by its tag, and the compiler knows the numbers of each. */
const no = (problem: OrdersPlaceErrors[keyof OrdersPlaceErrors]): string => {
  switch (problem.status) {
    case 422:
      return problem.refusal?._tag === "OutOfStock"
        ? problem.refusal.lines.map(({ requested, available }) => `${requested} of ${available}`).join(", ")
        : problem.code
    case 400:
      return problem.refusal?._tag === "PointsNotEnough"
        ? `${problem.refusal.required - problem.refusal.available} short`
        : problem.code
    case 503:
      return problem.unavailable?._tag === "Overloaded"
        ? `again in ${problem.unavailable.retryAfterMillis} ms`
        : `${problem.code}: ${problem.outcome}`
    default:
      return problem.code
  }
}
