/**
 * Sockets to a server, up to where its own protocol begins: by address or in a directory, and encrypted where that is
 * asked for.
 *
 * They are opened here and handed to the driver ready, because the driver hides what the protocol tells beside replies,
 * and because several hosts, and the ways of checking certificates, are more than it knows.
 */

import { lookup } from "node:dns/promises"
import { readFileSync, statSync } from "node:fs"
import { connect, isIP, type Socket } from "node:net"
import { homedir } from "node:os"
import { join } from "node:path"
import { type ConnectionOptions, connect as connectSecurely, type TLSSocket } from "node:tls"
import { messageOfThrown } from "@holdfast/core/ports"
import { Effect } from "effect"
import type { Failure } from "../session/wire.ts"
import type { Address, Host } from "./address.ts"
import type { Ssl } from "./parameters.ts"

/** One place to connect to. */
export type Endpoint = { readonly path: string } | { readonly ip: string; readonly port: number }

/** Where Debian and others, and PostgreSQL itself, put the machine's own socket. */
const socketFolders = ["/var/run/postgresql", "/run/postgresql", "/tmp"]

/** The places that a host stands for, in the order in which they are tried. A name may have several addresses. */
export const endpointsOf = ({ name, address, port }: Host): Effect.Effect<ReadonlyArray<Endpoint>, Failure> => {
  if (address !== undefined) return Effect.succeed([{ ip: address, port }])
  const file = `.s.PGSQL.${port}`
  if (name?.startsWith("/") === true) return Effect.succeed([{ path: join(name, file) }])
  if (name === undefined) {
    const here = socketFolders.map((folder) => join(folder, file)).find(isSocket)
    if (here !== undefined) return Effect.succeed([{ path: here }])
  }
  const host = name ?? "localhost"
  if (isIP(host) !== 0) return Effect.succeed([{ ip: host, port }])
  return Effect.mapBoth(Effect.tryPromise({ try: () => lookup(host, { all: true }), catch: failureOf }), {
    onSuccess: (found) => found.map(({ address: ip }) => ({ ip, port })),
    onFailure: ({ message, ...failure }) => ({ ...failure, message: `cannot look up ${host}: ${message}` }),
  })
}

const isSocket = (file: string): boolean => {
  try {
    return statSync(file).isSocket()
  } catch {
    return false
  }
}

/** Connects, and encrypts where `secure` says how. `optional`: where the server cannot, goes on without. */
export const openSocket = (
  endpoint: Endpoint,
  { keepAliveMillis }: Pick<Address, "keepAliveMillis">,
  secure: { readonly options: ConnectionOptions; readonly optional: boolean } | undefined,
): Effect.Effect<Socket | TLSSocket, Failure> =>
  Effect.callback<Socket | TLSSocket, Failure>((resume) => {
    const raw =
      "path" in endpoint
        ? connect({ path: endpoint.path })
        : connect({
            host: endpoint.ip,
            port: endpoint.port,
            // A frame is one write and then a wait for its reply: there is nothing to wait for company.
            noDelay: true,
            ...(keepAliveMillis === undefined
              ? {}
              : { keepAlive: true, keepAliveInitialDelay: Math.max(keepAliveMillis, 1_000) }),
          })
    let socket: Socket | TLSSocket = raw
    const fail = (cause: unknown): void => {
      socket.destroy()
      raw.destroy()
      resume(Effect.fail(failureOf(cause)))
    }
    const closed = (): void => fail(new Error("the connection was closed while it was opened"))
    const ready = (): void => {
      socket.off("error", fail).off("close", closed)
      // Whoever uses it hears of errors too. One that nobody hears of yet must not end the process.
      socket.on("error", () => {})
      resume(Effect.succeed(socket))
    }
    socket.on("error", fail).on("close", closed)
    raw.once("connect", () => {
      if (secure === undefined) return ready()
      raw.write(sslRequest)
      raw.once("data", (bytes) => {
        const answer = bytes.length === 1 ? String.fromCharCode(bytes[0] ?? 0) : ""
        if (answer === "N" && secure.optional) return ready()
        if (answer === "N") return fail(new Error("the server does not encrypt connections"))
        // More than one byte is somebody in the middle, who sent something before it was encrypted.
        if (answer !== "S") return fail(new Error("the server did not answer whether it encrypts connections"))
        raw.off("error", fail).off("close", closed)
        socket = connectSecurely({ ...secure.options, socket: raw })
        socket.on("error", fail).on("close", closed)
        socket.once("secureConnect", ready)
      })
    })
    return Effect.sync(() => {
      socket.destroy()
      raw.destroy()
    })
  })

/** Eight bytes: their number, and the code that asks for encryption. */
const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47)

/**
 * How a host's certificate is checked, as libpq's `sslmode` says: not at all (`prefer`, `require`), by whom it was issued,
 * or also whether it is this host's. `require` checks the issuer too where there are roots of its own.
 */
export const secureOptions = (ssl: Ssl, { name, address }: Host): ConnectionOptions => {
  const host = name ?? address ?? "localhost"
  const own = ssl.rootCert === "system" ? undefined : (ssl.rootCert ?? existing("root.crt"))
  const checked =
    ssl.mode === "verify-ca" || ssl.mode === "verify-full" || (ssl.mode === "require" && own !== undefined)
  const cert = ssl.cert ?? existing("postgresql.crt")
  const key = ssl.key ?? (cert === undefined ? undefined : existing("postgresql.key"))
  return {
    host,
    ...(ssl.sni && isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: checked,
    ...(ssl.mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(own === undefined ? {} : { ca: readFileSync(own) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(ssl.password === undefined ? {} : { passphrase: ssl.password }),
    ...(ssl.crl === undefined ? {} : { crl: readFileSync(ssl.crl) }),
    ...(ssl.minVersion === undefined ? {} : { minVersion: ssl.minVersion }),
    ...(ssl.maxVersion === undefined ? {} : { maxVersion: ssl.maxVersion }),
  }
}

/** A file of the folder where libpq looks for them. */
const existing = (name: string): string | undefined => {
  const file = join(homedir(), ".postgresql", name)
  try {
    return statSync(file).isFile() ? file : undefined
  } catch {
    return undefined
  }
}

/** Why a named file of certificates or keys cannot be used; undefined where nothing speaks against it. */
export const whyNotFiles = ({ rootCert, cert, key, crl }: Ssl): string | undefined => {
  const files = { sslrootcert: rootCert === "system" ? undefined : rootCert, sslcert: cert, sslkey: key, sslcrl: crl }
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue
    try {
      readFileSync(file)
    } catch (cause) {
      return `The file that the url names as ${name} cannot be read: ${messageOf(cause)}`
    }
  }
  return undefined
}

const messageOf = (cause: unknown): string => messageOfThrown(cause)

const failureOf = (cause: unknown): Failure => ({ code: undefined, message: messageOf(cause), cause })
