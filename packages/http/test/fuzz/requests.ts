/**
 * Requests made from the contract's own schemas: valid ones that mostly hit what exists, and mutations of them.
 */
import { Arbitrary, Effect, Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { Contract } from "../../src/index.ts"
import type { Random } from "./random.ts"

export interface Generated {
  readonly method: string
  /** Path and query below the base path. */
  readonly target: string
  readonly body: string | undefined
  readonly headers: Record<string, string>
}

export interface World {
  readonly users: ReadonlyArray<string>
  readonly products: ReadonlyArray<string>
  readonly campaigns: ReadonlyArray<string>
  /** Filled while orders are placed. */
  readonly orders: Array<string>
  /** Filled while claims are accepted. */
  readonly requests: Array<string>
}

interface Shape {
  readonly method: string
  readonly path: string
  readonly payloads: ReadonlyArray<unknown>
  readonly queries: ReadonlyArray<unknown>
}

type AnySchema = Schema.Codec<unknown, unknown>

/** How many values are drawn of each schema; mutations make them many more. */
const drawn = 200

export const shapesOf = async (seed: number): Promise<ReadonlyArray<Shape>> => {
  const found: Array<
    Omit<Shape, "payloads" | "queries"> & { payload?: Schema.Top | undefined; query?: Schema.Top | undefined }
  > = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const payload = endpoint.payload.get("application/json")?.schemas[0]
      found.push({ method: endpoint.method, path: endpoint.path, payload, query: endpoint.query })
    },
  })
  const draw = (schema: Schema.Top | undefined): Promise<ReadonlyArray<unknown>> =>
    schema === undefined
      ? Promise.resolve([])
      : Effect.runPromise(
          Arbitrary.sampleEffect(Arbitrary.schema(Schema.toEncoded(schema) as unknown as AnySchema), {
            count: drawn,
            size: 20,
            seed,
          }),
        )
  return Promise.all(
    found.map(async ({ method, path, payload, query }) => ({
      method,
      path,
      payloads: await draw(payload),
      queries: await draw(query),
    })),
  )
}

export const generate = (random: Random, shapes: ReadonlyArray<Shape>, world: World): Generated => {
  // Changes are what can go wrong, so they come more often than their number.
  const changes = shapes.filter(({ method }) => method === "POST")
  const shape = random.chance(0.6) ? random.pick(changes) : random.pick(shapes)
  const user = random.pick(world.users)
  const names = idsOf(random, world, user)
  let path = shape.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(names(name)))
  let method = shape.method
  if (random.chance(0.02)) method = random.pick(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
  if (random.chance(0.02)) path += random.pick(["/", "/x", "%zz", "%00", "?a=1", "//", "\u00e9"])
  const query = shape.queries.length === 0 ? "" : queryOf(random, random.pick(shape.queries))
  let body: string | undefined
  if (shape.payloads.length > 0) {
    let value = known(random, random.pick(shape.payloads), names)
    while (random.chance(0.25)) value = mutated(random, value)
    body = JSON.stringify(value) ?? ""
    if (random.chance(0.02)) body = random.pick(["", "{", "null", `${body}x`, body.slice(0, -1), "[[[[", '"\\ud800"'])
  }
  return { method, target: path + query, body, headers: headersOf(random, user, body !== undefined) }
}

const headersOf = (random: Random, user: string, hasBody: boolean): Record<string, string> => {
  const headers: Record<string, string> = { "x-caller": random.chance(0.05) ? "stranger" : user }
  if (random.chance(0.02)) delete headers["x-caller"]
  if (random.chance(0.3)) headers["accept-language"] = random.pick(["ko", "en", "ko;q=x", ",;", "*"])
  if (random.chance(0.05))
    headers.traceparent = random.pick(["", "00-0-0-00", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`])
  if (random.chance(0.1)) headers.prefer = random.pick(["respond-async", "wait=1", "respond-async, wait=1", "wait=x"])
  if (random.chance(0.1)) headers["if-none-match"] = random.pick(["*", '"x"', "W/"])
  if (!hasBody) return headers
  headers["content-type"] = random.chance(0.02)
    ? random.pick(["text/plain", "application/xml", ""])
    : "application/json"
  // A small pool of keys beside fresh ones, so that keys are repeated with the same and with other content.
  const key = random.chance(0.2) ? `pool-${random.below(50)}` : `k-${random.next()}`
  headers["idempotency-key"] = random.chance(0.5) ? `"${key}"` : key
  if (random.chance(0.02)) headers["idempotency-key"] = random.pick(["", '"', '"a', "é", "x".repeat(256)])
  if (random.chance(0.02)) delete headers["idempotency-key"]
  return headers
}

/** Ids of what exists, by the name of a field or parameter; sometimes of nothing. */
const idsOf =
  (random: Random, world: World, user: string) =>
  (name: string): string => {
    if (random.chance(0.03)) return random.pick(["nope", " ", "a/b", "%", "0", "가", "x".repeat(200), "\u0001"])
    switch (name) {
      case "userId":
        return random.chance(0.03) ? random.pick(world.users) : user
      case "productId":
        return random.pick(world.products)
      case "orderId":
        return world.orders.length === 0 ? "none" : random.pick(world.orders)
      case "requestId":
        return world.requests.length === 0 ? "none" : random.pick(world.requests)
      default:
        return random.pick(world.campaigns)
    }
  }

const idFields: ReadonlySet<string> = new Set(["userId", "couponId", "userCouponId", "productId"])

/** A drawn value with ids of what exists, and with numbers small enough that something can be bought. */
const known = (random: Random, value: unknown, names: (name: string) => string): unknown => {
  if (Array.isArray(value)) return value.slice(0, 4).map((item) => known(random, item, names))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]): ReadonlyArray<[string, unknown]> => {
      if (idFields.has(name)) return random.chance(0.03) ? [[name, field]] : [[name, idOf(random, names(name))]]
      if (name === "quantity") return [[name, random.chance(0.9) ? 1 + random.below(3) : field]]
      if (name === "amount") return [[name, random.chance(0.9) ? 1 + random.below(5_000) : field]]
      // Guards against a price that has changed nearly always refuse a drawn number.
      if (name === "unitPrice" || name === "expectedPaid") return random.chance(0.1) ? [[name, field]] : []
      if (name === "userCouponId" && random.chance(0.5)) return []
      return [[name, known(random, field, names)]]
    }),
  )
}

/** Numeric ids travel as numbers half of the time. */
const idOf = (random: Random, id: string): string | number =>
  /^\d{1,9}$/.test(id) && random.chance(0.5) ? Number(id) : id

const oddities: ReadonlyArray<unknown> = [
  null,
  true,
  "",
  "1",
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  9_007_199_254_740_991,
  [],
  {},
  [[]],
  "\u0000",
  "\ud800",
  "가".repeat(60),
  "x".repeat(300),
]

/** One field, anywhere, is missing, of another type, or too many. */
const mutated = (random: Random, value: unknown): unknown => {
  if (random.chance(0.1) || typeof value !== "object" || value === null) return random.pick(oddities)
  if (Array.isArray(value)) {
    if (value.length === 0 || random.chance(0.2)) return [...value, random.pick(oddities)]
    const at = random.below(value.length)
    return value.map((item, index) => (index === at ? mutated(random, item) : item))
  }
  const entries = Object.entries(value)
  if (entries.length === 0 || random.chance(0.15)) {
    return { ...value, [random.pick(["extra", "__proto__x", "constructor", "userid"])]: random.pick(oddities) }
  }
  const at = random.below(entries.length)
  if (random.chance(0.3)) return Object.fromEntries(entries.filter((_, index) => index !== at))
  return Object.fromEntries(
    entries.map(([name, field], index) => [name, index === at ? mutated(random, field) : field]),
  )
}

const queryOf = (random: Random, drawnQuery: unknown): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...(typeof drawnQuery === "object" ? drawnQuery : {}) })) {
    if (name === "key") query.set(name, `pool-${random.below(50)}`)
    else if (name === "limit" || name === "days")
      query.set(name, random.pick(["1", "2", "5", "0", "x", "1e3", "1.5", ""]))
    else if (name === "zone") query.set(name, random.pick(["Asia/Seoul", "UTC", "Asia/Kolkata", String(value)]))
    else query.set(name, String(value))
  }
  return query.size === 0 ? "" : `?${query}`
}
