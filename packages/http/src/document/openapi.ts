/**
 * The OpenAPI 3.1 document, made from the contract and the host's settings.
 *
 * `packages/http/openapi.json` is this with every setting at its default; a test compares the two.
 */
import { maxKeyBytes } from "@holdfast/core"
import { HttpApi, OpenApi } from "effect/http-api"
import { Contract, Operations } from "../contract/contract.ts"
import { Reasons } from "../contract/problems.ts"
import { type Reason, rowOf } from "../problems/codes.ts"

export interface DocumentSettings {
  readonly basePath: string
  readonly keys: "required" | "optional"
  readonly metrics: boolean
}

const defaultDocumentSettings: DocumentSettings = { basePath: "/api/v1", keys: "required", metrics: true }

/** A JSON object of the document. */
export type Json = { [name: string]: unknown }

const info = {
  title: "Holdfast",
  version: "1",
  summary: "Points, first-come-first-served coupons, stock and orders.",
  description: [
    "Every answer that is not a success is a problem document (RFC 9457) with a stable `code`.",
    "Every POST takes an `Idempotency-Key`: a repeat of the same request with the same key is the same act, and is",
    "answered with `Idempotency-Replayed: true`.",
    "Titles and details come in English and Korean, by `Accept-Language`.",
  ].join(" "),
  license: { name: "MIT", identifier: "MIT" },
}

export const documentOf = (given: Partial<DocumentSettings> = {}): Json => {
  const settings = { ...defaultDocumentSettings, ...given }
  const business = OpenApi.fromApi(Contract)
  const operations = OpenApi.fromApi(Operations)
  const reasonsOf = allReasons()
  const paths: Json = {}
  for (const [path, item] of Object.entries(business.paths)) {
    paths[settings.basePath + path] = dressed(item, reasonsOf, settings)
  }
  for (const [path, item] of Object.entries(operations.paths)) {
    if (path !== "/metrics" || settings.metrics) paths[path] = dressed(item, reasonsOf, settings)
  }
  return {
    openapi: business.openapi,
    info,
    servers: [{ url: "/" }],
    tags: [...business.tags, ...operations.tags].map(({ name }) => ({ name, description: tagTexts[name] ?? name })),
    paths,
    components: {
      schemas: sorted({ ...operations.components.schemas, ...business.components.schemas }),
      headers: sharedHeaders,
      securitySchemes: { caller: callerScheme },
    },
  }
}

/** The reasons of every operation, by its id. */
const allReasons = (): ReadonlyMap<string, ReadonlyArray<Reason>> => {
  const found = new Map<string, ReadonlyArray<Reason>>()
  const collect: Parameters<typeof HttpApi.reflect>[1] = {
    onGroup: () => {},
    onEndpoint: ({ group, endpoint }) => {
      found.set(`${group.identifier}.${endpoint.identifier}`, endpoint.annotations.mapUnsafe.get(Reasons.key) ?? [])
    },
  }
  HttpApi.reflect(Contract, collect)
  HttpApi.reflect(Operations, collect)
  return found
}

const tagTexts: Readonly<Record<string, string>> = {
  points: "Balances, charges and the ledger.",
  coupons: "Coupons, first come first served.",
  products: "Products with their exact stock, and the popular ones.",
  orders: "Order and payment in one call.",
  outcomes: "What became of a request whose answer was lost.",
  operations: "Probes, metrics and this document.",
}

const callerScheme = {
  type: "http",
  scheme: "bearer",
  description: "However the host signs its users in: a bearer token here stands for that.",
}

/** Operations whose answers are the same for everybody. */
const open: ReadonlySet<string> = new Set(["products.popular", "products.get"])

const dressed = (
  item: object,
  reasonsOf: ReadonlyMap<string, ReadonlyArray<Reason>>,
  settings: DocumentSettings,
): Json =>
  Object.fromEntries(
    Object.entries(item).map(([method, operation]) => {
      const { operationId, parameters = [], responses, security: _, ...rest } = objectOf(operation)
      const id = String(operationId)
      const reasons = reasonsOf.get(id) ?? []
      const isOperations = id.startsWith("operations.")
      return [
        method,
        {
          ...rest,
          operationId: id,
          ...(isOperations || open.has(id) ? { security: [{}] } : { security: [{ caller: [] }] }),
          parameters: [
            ...listOf(parameters).map((parameter) => described(objectOf(parameter))),
            ...(method === "post" ? [keyParameter(settings.keys)] : []),
            ...(isOperations ? [] : [languageParameter]),
          ],
          responses: Object.fromEntries(
            Object.entries(objectOf(responses)).map(([status, response]) => [
              status,
              answer(status, objectOf(response), reasons, method),
            ]),
          ),
        },
      ]
    }),
  )

const answer = (status: string, response: Json, reasons: ReadonlyArray<Reason>, method: string): Json => {
  const traced = { "Trace-Id": { $ref: "#/components/headers/Trace-Id" } }
  if (status === "200") {
    const replayed = { "Idempotency-Replayed": { $ref: "#/components/headers/Idempotency-Replayed" } }
    const tag = { ETag: { $ref: "#/components/headers/ETag" } }
    return { ...response, description: "Success", headers: { ...traced, ...(method === "post" ? replayed : tag) } }
  }
  const codes = [
    ...new Set(
      reasons
        .map(rowOf)
        .filter((row) => String(row.status) === status)
        .map(({ code }) => code),
    ),
  ]
  const retry = { "Retry-After": { $ref: "#/components/headers/Retry-After" } }
  return {
    ...response,
    description: codes.join(", "),
    headers: { ...traced, ...((status === "503" || status === "429") && retry) },
    "x-codes": codes,
  }
}

const sharedHeaders = {
  "Trace-Id": {
    description: "The id of this request: the trace of its `traceparent`, or a new one.",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
  },
  "Idempotency-Replayed": {
    description: "`true` where an earlier request with this key had done it already.",
    schema: { type: "string", enum: ["true"] },
  },
  ETag: { description: "A strong entity tag, for `If-None-Match`.", schema: { type: "string" } },
  "Retry-After": { description: "Seconds.", schema: { type: "string", pattern: "^[0-9]+$" } },
}

const keyParameter = (keys: DocumentSettings["keys"]): Json => ({
  name: "Idempotency-Key",
  in: "header",
  required: keys === "required",
  description: `Names this act, within the caller's own namespace: 1 to ${maxKeyBytes} printable ASCII characters, bare or as a quoted string.`,
  schema: { type: "string", minLength: 1, maxLength: 512 },
})

const languageParameter: Json = {
  name: "Accept-Language",
  in: "header",
  required: false,
  description: "The language of problem titles and details: `en` (default) or `ko`.",
  schema: { type: "string" },
}

/** What http-api writes as text, because it travels as text, is a number to everybody else. */
const numbers: Readonly<Record<string, Json>> = {
  limit: { type: "integer", minimum: 1, maximum: 1000 },
  days: { type: "integer", minimum: 1, maximum: 366 },
}

const parameterTexts: Readonly<Record<string, string>> = {
  limit: "The most items to answer.",
  cursor: "The `nextCursor` of the page before.",
  days: "The length of the window. Default 3.",
  zone: "Counts calendar days of this time zone, such as Asia/Seoul, instead of the last 24-hour spans.",
  operation: "What the key was used for.",
  key: "The idempotency key.",
  userId: "A user: the account of that id.",
  orderId: "An order.",
  productId: "A product.",
  campaignId: "A campaign: what the reference service calls a coupon.",
}

const described = (parameter: Json): Json => {
  const name = String(parameter.name)
  return { ...parameter, description: parameterTexts[name] ?? name, schema: numbers[name] ?? parameter.schema }
}

const sorted = (schemas: Json): Json =>
  Object.fromEntries(Object.entries(schemas).sort(([left], [right]) => (left < right ? -1 : 1)))

const objectOf = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {})

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
