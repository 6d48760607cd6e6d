/**
 * Buys by `openapi-fetch`, whose types `openapi-typescript` made of the document.
 */
import createClient from "openapi-fetch"
import type { paths } from "../.generated/openapiTypescript.ts"

type Responses = paths["/api/v1/orders"]["post"]["responses"]
type Problem = Exclude<Responses[keyof Responses]["content"], Responses[200]["content"]>["application/problem+json"]

export const buy = async (
  fetch: (request: Request) => Promise<Response>,
  { userId, productId, quantity, key }: Record<"userId" | "productId" | "key", string> & { quantity: number },
): Promise<string> => {
  const client = createClient<paths>({ baseUrl: "http://shop.test", fetch, headers: { "x-caller": userId } })
  const { data, error } = await client.POST("/api/v1/orders", {
    params: { header: { "Idempotency-Key": key } },
    body: { userId, orderItems: [{ productId, quantity }] },
  })
  return data === undefined ? no(error) : `paid ${data.paidAmount}`
}

/** What a caller makes of a no: by its status, then by its tag, and the compiler knows the numbers of each. */
const no = (problem: Problem): string => {
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
