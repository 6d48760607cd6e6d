/**
 * Array literals against the server that has to understand them.
 */

import { Effect } from "effect"
import * as fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import { arrayOf, rowsOf, texts, values } from "../../src/postgres/session/text.ts"
import { query, serverForFile } from "../support/stores.ts"

describe("array literals", () => {
  const { url, server } = serverForFile("text")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const understood = async (literal: string, type: string): Promise<ReadonlyArray<unknown>> => {
    const sql = `select coalesce(json_agg(x order by n), '[]')::text as json from unnest($1::${type}[]) with ordinality u(x, n)`
    const [row] = await Effect.runPromise(query(url(), sql, [literal]))
    return rowsOf(String(row?.json))
  }
  // Everything that text may hold in PostgreSQL, and often what has to be quoted.
  const text = fc
    .string({
      unit: fc.oneof(
        fc.constantFrom('"', "\\", "{", "}", ",", " ", "\n", "NULL", "é"),
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
      ),
    })
    .filter((each) => !each.includes("\0"))
  const rows = <A>(item: fc.Arbitrary<A>) => fc.array(fc.option(item, { nil: undefined }), { maxLength: 8 })

  it("texts arrive as they are, whatever they hold and however often they repeat", () =>
    fc.assert(
      fc.asyncProperty(rows(fc.oneof(text, fc.constant("same"))), async (items) => {
        expect(await understood(texts(items), "text")).toEqual(items.map((item) => item ?? null))
      }),
      { numRuns: 200 },
    ))

  it("documents arrive as they are", () =>
    fc.assert(
      fc.asyncProperty(rows(fc.dictionary(text, text, { noNullPrototype: true })), async (items) => {
        const arrived = await understood(
          arrayOf("json", items, (item) => item),
          "text",
        )
        expect(arrived.map((each) => (each === null ? undefined : JSON.parse(String(each))))).toEqual(items)
      }),
      { numRuns: 100 },
    ))

  it("numbers arrive as they are", () =>
    fc.assert(
      fc.asyncProperty(rows(fc.maxSafeInteger()), async (items) => {
        expect(await understood(values(items), "bigint")).toEqual(items.map((item) => item ?? null))
      }),
      { numRuns: 50 },
    ))
})
