/**
 * Records of others, as `@platformatic/kafka` gives them: none of them may stop its partition.
 */
import { expect, it } from "vitest"
import { receivedOf } from "../../src/kafka/platformaticConsumer.ts"

const bytes = (text: string) => Buffer.from(text)

it.each([
  ["a header without a value", [[bytes("traceparent"), undefined]], {}],
  ["a header whose value is null", [[bytes("traceparent"), null]], {}],
  ["a header whose value is empty", [[bytes("traceparent"), bytes("")]], { traceparent: "" }],
  ["a header without a name", [[undefined, bytes("x")]], { "": "x" }],
  [
    "a header twice",
    [
      [bytes("a"), bytes("1")],
      [bytes("b"), bytes("2")],
      [bytes("a"), bytes("3")],
    ],
    { a: "3", b: "2" },
  ],
  [
    "a header whose last value is none",
    [
      [bytes("a"), bytes("1")],
      [bytes("a"), undefined],
    ],
    {},
  ],
  ["a header of an odd name", [[bytes("__proto__"), bytes("1")]], Object.fromEntries([["__proto__", "1"]])],
  ["no headers", undefined, {}],
] as const)("given %s → the record comes, with the others", (_, headers, expected) => {
  const received = receivedOf({ offset: 7n, key: bytes("k"), value: bytes("v"), headers })
  expect(received).toEqual({ offset: 7n, key: "k", value: bytes("v"), headers: expected })
})

it.each([[null], [undefined]])("given a key and a value that are %s → the record comes without them", (none) => {
  expect(receivedOf({ offset: 7n, key: none, value: none, headers: new Map() })).toEqual({
    offset: 7n,
    key: undefined,
    value: undefined,
    headers: {},
  })
})
