/**
 * What tests may do with a PostgreSQL server, and what every way of starting one needs: a port, and to know that it answers.
 */
import type { ChildProcess } from "node:child_process"
import { createServer } from "node:net"

export interface Server {
  readonly url: string
  /** Whose process it is; undefined where that is not known, or where it does not see the files of this machine. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
  /** Kills the server process as a crash would. Only private ones. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same data. Only private ones. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Settings of every private server, as `name=value`. */
export const usualSettings: ReadonlyArray<string> = ["max_connections=250"]

/** Where a private server on that port is reached. */
export const urlOn = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres`

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })

/** Waits until the server takes a question, and gives up where its process ends or the attempts do. */
export const untilAnswers = async (port: number, server: ChildProcess, attempts = 200): Promise<void> => {
  const { PgConnection } = await import("@effect/sql-pg")
  const { Effect } = await import("effect")
  const question = Effect.scoped(
    Effect.flatMap(
      PgConnection.make({ host: "127.0.0.1", port, username: "postgres", database: "postgres", connectTimeout: 500 }),
      (connection) => connection.query("select 1"),
    ),
  )
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (server.exitCode !== null) throw new Error("The PostgreSQL server ended while it started.")
    if ((await Effect.runPromiseExit(question))._tag === "Success") return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error("The PostgreSQL server does not answer.")
}
