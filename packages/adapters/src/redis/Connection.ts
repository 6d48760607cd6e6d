/**
 * One command at a time to whatever talks to Redis, in time or not at all.
 */
import type { CacheFault } from "@holdfast/core/ports"
import { messageOfThrown } from "@holdfast/core/ports"
import { Clock, Effect, Fiber } from "effect"
import { Circuit } from "./Circuit.ts"
import type { Script } from "./scripts.ts"

/**
 * Sends one command, which is about one key: `send("shop:a", ["GET", "shop:a"])`. A cluster's client is told the key to
 * find its server. Texts are answered as strings, numbers as numbers, lists as arrays.
 */
export type Send = (key: string, command: ReadonlyArray<string>) => Promise<unknown>

/** How long a call may take, unless the host says otherwise. */
export const defaultTimeoutMillis = 100

export interface Connection {
  /** Runs a script of one key, or several that share a hash tag. */
  readonly run: (
    script: Script,
    keys: readonly [string, ...ReadonlyArray<string>],
    args: ReadonlyArray<string>,
  ) => Effect.Effect<unknown, CacheFault>
  readonly command: (key: string, command: ReadonlyArray<string>) => Effect.Effect<unknown, CacheFault>
  /** Whether Redis is left alone, after several faults. */
  readonly isLeftAlone: () => boolean
}

export const connectionOver = (send: Send, timeoutMillis: number): Effect.Effect<Connection> =>
  Effect.map(Clock.Clock, (clock) => {
    const circuit = new Circuit(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n))

    /**
     * Everything that is sent for one call: it has one time-out, and counts once. It goes on without a caller who leaves, which
     * says nothing about Redis: so whatever was let through always tells how it ended.
     */
    const guarded = (sent: () => Promise<unknown>): Effect.Effect<unknown, CacheFault> =>
      Effect.uninterruptibleMask((restore) => {
        if (!circuit.enter()) return Effect.fail(leftAlone)
        const answered = Effect.timeoutOrElse(Effect.tryPromise({ try: sent, catch: faultOf }), {
          duration: timeoutMillis,
          orElse: () => Effect.fail(late(timeoutMillis)),
        })
        const told = Effect.onExit(answered, (exit) =>
          Effect.sync(() => (exit._tag === "Success" ? circuit.succeeded() : circuit.failed())),
        )
        return Effect.flatMap(Effect.forkDetach(told, { startImmediately: true }), (call) => restore(Fiber.join(call)))
      })

    return {
      isLeftAlone: () => circuit.isOpen,
      command: (key, command) => guarded(() => send(key, command)),
      run: (script, keys, args) => {
        const rest = [String(keys.length), ...keys, ...args]
        return guarded(() =>
          send(keys[0], ["EVALSHA", script.sha, ...rest]).catch((error) => {
            // A server that was restarted, flushed or has taken over knows no script: it is told once more.
            if (!messageOfThrown(error).includes("NOSCRIPT")) throw error
            return send(keys[0], ["EVAL", script.text, ...rest])
          }),
        )
      },
    }
  })

const faultOf = (cause: unknown): CacheFault => ({ _tag: "CacheFault", reason: messageOfThrown(cause), cause })

const late = (millis: number): CacheFault => ({
  _tag: "CacheFault",
  reason: `Redis did not answer within ${millis} ms.`,
})

const leftAlone: CacheFault = { _tag: "CacheFault", reason: "Redis is left alone for a moment, after several faults." }
