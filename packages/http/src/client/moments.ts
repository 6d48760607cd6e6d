/**
 * Makes dates of the moments in an answer, which travel as text.
 *
 * By their names, in place of the contract's schemas: the compiler knows every name that holds a moment, and a test compares
 * the outcome with what the schemas make of the same bytes. The host's metadata is the host's, whatever its fields are called.
 */
import type { Refusal } from "@holdfast/core/errors"
import type { HoldfastClient } from "./types.ts"

type AnswersOf<Group> = {
  [Name in keyof Group]: Group[Name] extends (...input: never) => Promise<infer Answer> ? Answer : never
}[keyof Group]

type Answers = { [Group in Exclude<keyof HoldfastClient, "safe">]: AnswersOf<HoldfastClient[Group]> }[Exclude<
  keyof HoldfastClient,
  "safe"
>]

type MomentNames<Value> =
  Value extends ReadonlyArray<infer Item>
    ? MomentNames<Item>
    : Value extends object
      ? {
          [Name in keyof Value]-?: Exclude<Value[Name], undefined> extends Date
            ? Name
            : Name extends "metadata"
              ? never
              : MomentNames<Exclude<Value[Name], undefined>>
        }[keyof Value]
      : never

const momentNames: { readonly [Name in Extract<MomentNames<Answers | Refusal>, string>]: true } = {
  at: true,
  placedAt: true,
  closedAt: true,
  issuedAt: true,
  expiresAt: true,
  expiredAt: true,
  opensAt: true,
  closesAt: true,
  finalAt: true,
}

export const withMoments = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withMoments)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name in momentNames && typeof inner === "string"
        ? new Date(inner)
        : name === "metadata"
          ? inner
          : withMoments(inner),
    ]),
  )
}
