/**
 * What the document says of the parameters of paths and queries, and of what a host limits.
 */

/** What http-api writes as text, because it travels as text, is a number to everybody else. By name, or of one operation. */
export const parameterNumbers: Readonly<Record<string, object>> = {
  limit: { type: "integer", minimum: 1, maximum: 1000 },
  "products.popular.limit": { type: "integer", minimum: 1, maximum: 100 },
  wait: { type: "integer", minimum: 0, maximum: 60 },
  days: { type: "integer", minimum: 1, maximum: 366 },
}

export const parameterTexts: Readonly<Record<string, string>> = {
  limit: "The most items to answer.",
  cursor: "The `nextCursor` of the page before.",
  days: "The length of the window. Default 3.",
  zone: "Counts calendar days of this time zone, such as Asia/Seoul, instead of the last 24-hour spans.",
  operation: "What the key was used for.",
  key: "The idempotency key.",
  requestId: "A claim that was accepted, as its acceptance named it.",
  wait: "How many seconds to wait for the decision. The server may answer sooner: ask again while it waits.",
  userId: "A user: the account of that id.",
  orderId: "An order.",
  productId: "A product.",
  campaignId: "A campaign: what the reference service calls a coupon.",
}

type Json = Readonly<Record<string, unknown>>

/** The schemas of an order's request's fields, with the most items that the host lets it have. */
export const orderFieldsUpTo = (maxItems: number, fields: Json): Json => ({
  ...fields,
  orderItems: { ...(typeof fields.orderItems === "object" && fields.orderItems), maxItems },
})
