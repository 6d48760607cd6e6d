/**
 * The OpenAPI 3.1 document, made from the contract and the host's settings.
 *
 * `packages/http/openapi.json` is this with every setting at its default; a test compares the two.
 */
import { maxKeyBytes, maxOrderLines } from "@holdfast/core"
import { HttpApi, OpenApi } from "effect/http-api"
import { Contract, Operations } from "../contract/contract.ts"
import { orderFieldsUpTo, parameterNumbers, parameterTexts } from "../contract/parameters.ts"
import { Reasons } from "../contract/problems.ts"
import { type Reason, rowOf } from "../problems/codes.ts"

/** A JSON object of the document. */
export type Json = { [name: string]: unknown }

export interface DocumentSettings {
  readonly basePath: string
  readonly keys: "required" | "optional"
  readonly metrics: boolean
  readonly limits: { readonly orderItems: number }
}

const defaultDocumentSettings: DocumentSettings = {
  basePath: "/api/v1",
  keys: "required",
  metrics: true,
  limits: { orderItems: maxOrderLines },
}

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
  const order = objectOf(business.components.schemas.OrderRequest)
  const reasonsOf = allReasons()
  const paths: Json = {}
  for (const [path, item] of Object.entries(business.paths)) {
    paths[settings.basePath + path] = dressed(item, reasonsOf, settings)
  }
  answersLater(paths, settings.basePath)
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
      schemas: sorted({
        ...operations.components.schemas,
        ...business.components.schemas,
        OrderRequest: { ...order, properties: orderFieldsUpTo(settings.limits.orderItems, objectOf(order.properties)) },
      }),
      headers: sharedHeaders,
      securitySchemes: { caller: callerScheme },
    },
  }
}

/** What `coupons.issue` answers where the request prefers that it is decided later. */
const answersLater = (paths: Json, basePath: string): void => {
  const postOf = (path: string) => objectOf(objectOf(paths[basePath + path]).post)
  const issue = postOf("/coupons/issue")
  const accepted = objectOf(objectOf(postOf("/coupons/issue-requests").responses)["202"])
  const headers = { ...objectOf(accepted.headers), ...headerRefs(["Preference-Applied"]) }
  const responses = { ...objectOf(issue.responses), "202": { ...accepted, headers } }
  paths[`${basePath}/coupons/issue`] = { post: { ...issue, responses } }
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
      const isTagged = method === "get" && !isOperations
      return [
        method,
        {
          ...rest,
          operationId: id,
          ...(isOperations || open.has(id) ? { security: [{}] } : { security: [{ caller: [] }] }),
          parameters: [
            ...listOf(parameters).map((parameter) => described(id, objectOf(parameter))),
            ...(method === "post" ? [keyParameter(settings.keys)] : []),
            ...(preferences[id] ?? []),
            ...(isOperations ? [] : [languageParameter]),
          ],
          responses: Object.fromEntries(
            Object.entries({ ...objectOf(responses), ...(isTagged && { "304": {} }) }).map(([status, response]) => [
              status,
              answer(status, objectOf(response), reasons, {
                isChange: method === "post",
                isTagged,
                own: ownHeaders[id]?.[status] ?? [],
              }),
            ]),
          ),
        },
      ]
    }),
  )

/** What an operation's answers have beside their bodies. */
interface Kind {
  readonly isChange: boolean
  /** Whether a success has an entity tag, so that it may be 304 as well. */
  readonly isTagged: boolean
  /** Headers that no other operation's answer of this status has. */
  readonly own: ReadonlyArray<string>
}

/** What only these say, by operation and status. */
const ownHeaders: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  "coupons.requested": { "200": ["Retry-After"], "304": ["Retry-After"] },
  "products.popular": { "200": ["As-Of"], "304": ["As-Of"] },
}

const answer = (
  status: string,
  response: Json,
  reasons: ReadonlyArray<Reason>,
  { isChange, isTagged, own }: Kind,
): Json => {
  const traced = headerRefs(["Trace-Id", ...own])
  const tag = isTagged ? { ETag: { $ref: "#/components/headers/ETag" } } : {}
  if (status === "202") {
    const location = { Location: { $ref: "#/components/headers/Location" } }
    return { ...response, description: "Accepted", headers: { ...traced, ...location } }
  }
  if (status === "200") {
    const replayed = isChange ? { "Idempotency-Replayed": { $ref: "#/components/headers/Idempotency-Replayed" } } : {}
    return { ...response, description: "Success", headers: { ...traced, ...replayed, ...tag } }
  }
  if (status === "304") {
    return { description: "Not modified since the answer of that entity tag.", headers: { ...traced, ...tag } }
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

const headerRefs = (names: ReadonlyArray<string>): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

const sharedHeaders = {
  "Trace-Id": {
    description: "The id of this request: the trace of its `traceparent`, or a new one.",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
  },
  "Idempotency-Replayed": {
    description:
      "`true` where it was done already: by an earlier request with this key, or an order that was cancelled before.",
    schema: { type: "string", enum: ["true"] },
  },
  ETag: { description: "A strong entity tag, for `If-None-Match`.", schema: { type: "string" } },
  Location: { description: "Where to ask what became of it.", schema: { type: "string" } },
  "As-Of": { description: "The moment that the list is true for.", schema: { type: "string", format: "date-time" } },
  "Preference-Applied": {
    description: "`respond-async` where the request preferred it.",
    schema: { type: "string", enum: ["respond-async"] },
  },
  "Retry-After": { description: "Seconds.", schema: { type: "string", pattern: "^[0-9]+$" } },
}

const keyParameter = (keys: DocumentSettings["keys"]): Json => ({
  name: "Idempotency-Key",
  in: "header",
  required: keys === "required",
  description: `Names this act, within the caller's own namespace: 1 to ${maxKeyBytes} printable ASCII characters, bare or as a quoted string.`,
  schema: { type: "string", minLength: 1, maxLength: 512 },
})

const preferParameter = (description: string): Json => ({
  name: "Prefer",
  in: "header",
  required: false,
  description,
  schema: { type: "string" },
})

/** What operations make of a preference (RFC 7240). */
const preferences: Readonly<Record<string, ReadonlyArray<Json>>> = {
  "coupons.issue": [
    preferParameter("`respond-async`: the claim is accepted now and decided later, as by `coupons.request`."),
  ],
  "coupons.requested": [
    preferParameter("`wait=20`: waits up to so many seconds for the decision. The server may answer sooner."),
  ],
}

const languageParameter: Json = {
  name: "Accept-Language",
  in: "header",
  required: false,
  description: "The language of problem titles and details: `en` (default) or `ko`.",
  schema: { type: "string" },
}

const described = (operationId: string, parameter: Json): Json => {
  const name = String(parameter.name)
  const number = parameterNumbers[`${operationId}.${name}`] ?? parameterNumbers[name]
  return { ...parameter, description: parameterTexts[name] ?? name, schema: number ?? parameter.schema }
}

const sorted = (schemas: Json): Json =>
  Object.fromEntries(Object.entries(schemas).sort(([left], [right]) => (left < right ? -1 : 1)))

const objectOf = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {})

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
