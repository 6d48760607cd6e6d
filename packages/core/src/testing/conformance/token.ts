/**
 * Replay tokens: everything that a counterexample is made of (plan, tape, seed), as one text without spaces.
 *
 * Not a seed alone: seeds mean something else as soon as a generator changes, a plan with its tape never does.
 */
import { Option, Schema } from "effect"
import { trimmed } from "../sim/Sim.ts"
import type { Tape } from "../sim/strategies.ts"
import type { Plan } from "../trial/Plan.ts"

/** A trial that can be run again. */
export interface Replay {
  /** The law that was broken. */
  readonly law: string
  readonly plan: Plan
  readonly tape: Tape
  /** Seeds the simulation's `Random`. */
  readonly seed: number
}

/** `<law>.<base 64 of the rest>`. */
export const tokenOf = ({ law, plan, tape, seed }: Replay): string =>
  `${law}.${encode(JSON.stringify({ plan, tape: trimmed(tape), seed }))}`

const Body = Schema.Struct({
  plan: Schema.Unknown,
  tape: Schema.Array(Schema.Finite),
  seed: Schema.Finite,
})
const decodeBody = Schema.decodeUnknownOption(Schema.fromJsonString(Body))

/** The trial of a token; undefined where the text is no token. */
export const replayOf = (token: string): Replay | undefined => {
  const dot = token.indexOf(".")
  const json = dot < 0 ? undefined : decode(token.slice(dot + 1))
  const body = json === undefined ? Option.none() : decodeBody(json)
  if (Option.isNone(body)) return undefined
  const { plan, tape, seed } = body.value
  if (!isPlan(plan)) return undefined
  return { law: token.slice(0, dot), plan, tape, seed }
}

// A plan's calls are checked by their own schemas when they are made.
const isPlan = (plan: unknown): plan is Plan =>
  typeof plan === "object" &&
  plan !== null &&
  "setup" in plan &&
  Array.isArray(plan.setup) &&
  "clients" in plan &&
  Array.isArray(plan.clients) &&
  "faults" in plan &&
  Array.isArray(plan.faults) &&
  "way" in plan

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** Base 64 for URLs (RFC 4648 §5): written here because no global that does it is everywhere. */
const encode = (json: string): string => {
  // Escapes of JSON keep it in one byte a character.
  const text = json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
  let encoded = ""
  let [bits, held] = [0, 0]
  for (let index = 0; index < text.length; index++) {
    bits = ((bits << 8) | text.charCodeAt(index)) & 0xffff
    for (held += 8; held >= 6; held -= 6) encoded += alphabet[(bits >> (held - 6)) & 63]
  }
  return held > 0 ? encoded + alphabet[(bits << (6 - held)) & 63] : encoded
}

const decode = (encoded: string): string | undefined => {
  let text = ""
  let [bits, held] = [0, 0]
  for (const character of encoded) {
    const value = alphabet.indexOf(character)
    if (value < 0) return undefined
    bits = ((bits << 6) | value) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    text += String.fromCharCode((bits >> held) & 0xff)
  }
  return text
}
