/**
 * Commands for tests, made from what a caller would type: decoded and normalised by the real calls, stamped with ids and
 * times that are the same in every run.
 *
 * ```ts
 * const charge = command(chargeCall, { accountId: "ada", amount: 500 })
 * const decisions = yield* transact(store, [charge])
 * ```
 *
 * Not for tests of the engine, which stamps commands itself.
 */
import { type Effect, Schema } from "effect"
import type { Command, Decision } from "../../decision/Command.ts"
import type { Call, InputSchema, KeyFields, Settings } from "../../decision/call.ts"
import { fingerprintOf } from "../../decision/fingerprint.ts"
import { fold, keysOfCommands } from "../../decision/fold.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import type { Refusal } from "../../refusals.ts"
import { type CommandId, IdempotencyKey, ownKeyOf, Scope } from "../../values.ts"

/** When commands are admitted unless a test says otherwise: the start of a whole hour, 2023-11-14T22:00Z. */
export const testAt: number = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000)

/** The namespace of keys unless a test says otherwise. */
export const testScope: Scope = Scope.make("test")

export interface CommandOptions<Request = unknown> {
  /** The command's id. Default: the next of the maker's, `c00000001`, `c00000002` …, which sort as they were made. */
  readonly id?: string
  /** When it was admitted. Default: {@link testAt}. */
  readonly at?: number
  /** Default: 10 s after `at`. */
  readonly deadline?: number
  /** What the engine adds to the normalised request, such as the `facts` of an order to cancel. */
  readonly request?: Partial<Request>
  /** Default: accounts are opened on purpose. */
  readonly settings?: Settings
}

/** The input of a call as it is typed. A key is optional here even where the call asks for one: default the id. */
export type Typed<S extends InputSchema> = Omit<S["Encoded"], "key"> & { readonly key?: string }

export type MakeCommand = <S extends InputSchema, Request, Answer, R extends Refusal>(
  call: Call<S, Request, Answer, R>,
  input: Typed<S>,
  options?: CommandOptions<Request>,
) => Command

const onPurpose: Settings = { accounts: "opened-on-purpose" }

/**
 * A maker of commands with a count of its own, for tests that replay: the same calls in the same order give the same
 * ids. `prefix` keeps the ids of several makers apart.
 */
export const commandMaker = (prefix = "c"): MakeCommand => {
  let made = 0
  return (call, input, options = {}) => {
    const { at = testAt, deadline = at + 10_000, settings = onPurpose } = options
    made += 1
    // biome-ignore lint/plugin/casts: this is where tests make command ids
    const id = (options.id ?? `${prefix}${String(made).padStart(8, "0")}`) as CommandId
    // biome-ignore lint/plugin/casts: the schema of each input has the fields of a key, or leaves them out
    const decoded: KeyFields = Schema.decodeUnknownSync(call.input as Schema.Codec<KeyFields, object>)({
      key: id,
      ...input,
    })
    const normalised = call.normalise(decoded, settings)
    if (isInvalid(normalised)) throw new Error(`Invalid input of ${call.name}: ${JSON.stringify(normalised.issues)}`)
    // biome-ignore lint/plugin/casts: a request with some of its own fields replaced
    const request = { ...normalised, ...options.request } as typeof normalised
    const command = {
      operation: call,
      id,
      at,
      deadline,
      scope: decoded.scope ?? testScope,
      key: decoded.key ?? ownKeyOf(id),
      fingerprint: fingerprintOf(call.intention(request)),
      request,
    }
    // biome-ignore lint/plugin/casts: a command's operation takes its own request, and the two were made together
    return command as unknown as Command
  }
}

/** Makes a command with the next id of this test file (files run isolated, so each counts from 1). */
export const command: MakeCommand = commandMaker()

/** Decides commands as one batch on a store and commits what was accepted, as a lane of the engine does. */
export const transact = (
  store: StoreShape,
  commands: ReadonlyArray<Command>,
  now: number = testAt,
): Effect.Effect<ReadonlyArray<Decision>, StoreFault> =>
  store.transact(keysOfCommands(commands), (records) => fold(commands, records, now))

/** An idempotency key, checked. */
export const keyOf = (text: string): IdempotencyKey => IdempotencyKey.make(text)

const isInvalid = (value: unknown): value is Refusal<"InvalidInput"> =>
  typeof value === "object" && value !== null && "_tag" in value && value._tag === "InvalidInput"
