/**
 * Opening a session at an address: at the first of its hosts that answers and is what was asked for.
 *
 * A server that turned into a standby, or takes no changes for another reason, is passed over like one that is away. So a
 * shop whose address names all of its servers follows the one that takes changes, whichever that is by now.
 */
import type { PgConnection } from "@effect/sql-pg"
import { Effect, Exit, Random, Redacted, Scope } from "effect"
import type { Failure, Wire } from "../session/wire.ts"
import { type Address, type Host, textOfHost } from "./address.ts"
import { Backend } from "./Backend.ts"
import { connectOn, failureOf, ownWire, pooledWire } from "./nativeWire.ts"
import { Overheard } from "./Overheard.ts"
import type { Target } from "./parameters.ts"
import { askPeer, type Peer, peerOf, whyNotPeer } from "./peer.ts"
import type { Purpose } from "./settings.ts"
import { type Endpoint, endpointsOf, openSocket, secureOptions } from "./socket.ts"

/**
 * What stands between the shop and the server, where somebody knows better than what the sessions look like.
 *
 * - `transaction`: a pooler that gives each transaction another session.
 * - `session`: one that gives each connection a session for as long as it lasts.
 */
export type Pooler = "transaction" | "session"

/** Opens a session that closes with the scope. */
export const openAt = (
  address: Address,
  schema: string,
  purpose: Purpose,
  pooler: Pooler | undefined,
): Effect.Effect<Wire, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const failures: Array<readonly [Host, Failure]> = []
    for (const target of passesOf(address.target)) {
      for (const host of address.randomHosts ? yield* Random.shuffle(address.hosts) : address.hosts) {
        const endpoints = yield* Effect.result(endpointsOf(host))
        if (endpoints._tag === "Failure") failures.push([host, endpoints.failure])
        else {
          for (const endpoint of endpoints.success) {
            for (const encrypted of waysOf(address, endpoint)) {
              const opened = yield* Effect.result(
                openOne({ address, host, endpoint, encrypted, target, schema, purpose, pooler }),
              )
              if (opened._tag === "Success") return opened.success
              failures.push([host, opened.failure])
              // The server is there and knows who asks: another one would say the same.
              if (opened.failure.code?.startsWith("28") === true && encrypted === waysOf(address, endpoint).at(-1))
                return yield* Effect.fail(opened.failure)
            }
          }
        }
      }
    }
    return yield* Effect.fail(allOf(failures))
  })

/** A standby first, and any server where there is none. */
const passesOf = (target: Target): ReadonlyArray<Target> =>
  target === "prefer-standby" ? ["standby", "any"] : [target]

/** Whether to encrypt, in the order in which it is tried. Nobody listens to a socket in a directory. */
const waysOf = ({ ssl: { mode } }: Address, endpoint: Endpoint): ReadonlyArray<boolean> => {
  if ("path" in endpoint || mode === "disable") return [false]
  if (mode === "allow") return [false, true]
  return mode === "prefer" ? [true, false] : [true]
}

/** One failure as it is, or what each host answered. */
const allOf = (failures: ReadonlyArray<readonly [Host, Failure]>): Failure => {
  const texts = new Set(failures.map(([host, { message }]) => `${textOfHost(host)}: ${message}`))
  const [first] = failures
  const code = failures.every(([, each]) => each.code === first?.[1].code) ? first?.[1].code : undefined
  return { code, message: Array.from(texts).join("; "), cause: failures.at(-1)?.[1].cause }
}

interface Opening {
  readonly address: Address
  readonly host: Host
  readonly endpoint: Endpoint
  readonly encrypted: boolean
  readonly target: Target
  readonly schema: string
  readonly purpose: Purpose
  readonly pooler: Pooler | undefined
}

/** One try, bounded in time and closed where it fails. */
const openOne = (opening: Opening): Effect.Effect<Wire, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const { connectMillis } = opening.address
    const scope = yield* Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer))
    const opened = Scope.provide(begin(opening), scope)
    const inTime =
      connectMillis === undefined
        ? opened
        : Effect.timeoutOrElse(opened, { duration: connectMillis, orElse: () => Effect.fail(tooSlow(connectMillis)) })
    return yield* Effect.onExit(inTime, (exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit)))
  })

const tooSlow = (millis: number): Failure => ({
  code: undefined,
  message: `no connection within ${millis} ms`,
  cause: undefined,
})

const begin = Effect.fnUntraced(function* ({
  address,
  host,
  endpoint,
  encrypted,
  target,
  schema,
  purpose,
  pooler,
}: Opening): Effect.fn.Return<Wire, Failure, Scope.Scope> {
  const secure = encrypted
    ? { options: secureOptions(address.ssl, host), optional: address.ssl.mode === "prefer" }
    : undefined
  const socket = yield* Effect.acquireRelease(
    openSocket(endpoint, address, secure),
    // The driver says goodbye where it had begun a session.
    (opened) => Effect.sync(() => (opened.writableEnded ? undefined : opened.destroy())),
    // A server that takes connections and says nothing would be waited for without end.
    { interruptible: true },
  )
  const overheard = new Overheard()
  socket.on("data", overheard.listen)
  const connection = yield* connectOn({
    stream: () => socket,
    username: address.user,
    password: address.password === undefined ? undefined : Redacted.make(address.password),
    database: address.database,
    applicationName: address.applicationName,
    startupOptions: address.options,
  })
  const peer = yield* lookAt(connection)
  const whyNot = whyNotPeer(peer, target)
  if (whyNot !== undefined) return yield* Effect.fail<Failure>({ code: undefined, message: whyNot, cause: undefined })
  const isDirect = peer.pid === connection.processId
  if (pooler === "transaction" || (pooler === undefined && !isDirect)) {
    return pooledWire(connection, schema, purpose, { overheard })
  }
  // Behind a pooler the same process may serve others by the time that it is to be ended.
  return yield* ownWire(connection, schema, purpose, { overheard, attempt: isDirect ? new Backend(peer) : undefined })
})

const lookAt = (connection: PgConnection.PgConnection): Effect.Effect<Peer, Failure> =>
  Effect.flatMap(Effect.mapError(connection.queryValues(askPeer.sql, [], false), failureOf), ([row]) => {
    const peer = peerOf(typeof row?.[0] === "string" ? row[0] : undefined)
    return peer === undefined
      ? Effect.fail<Failure>({ code: undefined, message: "the server says nothing of itself", cause: undefined })
      : Effect.succeed(peer)
  })
