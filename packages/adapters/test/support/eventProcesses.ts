/**
 * Processes that serve one durable name, as tests start and end them.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { clockAhead } from "@holdfast/test-services"

/** The name that they serve. */
export const served = "mail"

/** What a process said. */
interface Said {
  readonly what: "serving" | "begun" | "ended"
  readonly id?: string
  readonly fence?: number
  /** Milliseconds of a clock that all processes of this machine share. */
  readonly at: number
}

export interface EventProcess {
  readonly said: ReadonlyArray<Said>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  /** Waits for a line that was said or will be. */
  readonly saying: (is: (said: Said) => boolean) => Promise<Said>
  readonly end: () => Promise<void>
}

export interface EventProcessOptions {
  readonly url: string
  readonly schema: string
  readonly way?: "url" | "pool"
  readonly leaseMillis?: number
  readonly handlerMillis?: number
  /** How far its clock is ahead, such as `+10m`; the machine's own where there is none. */
  readonly ahead?: string
}

/** Starts one, and waits until it serves the name or stands by. */
export const serveEvents = async (options: EventProcessOptions): Promise<EventProcess> => {
  const { url, schema, way = "url", leaseMillis = 10_000, handlerMillis = 0, ahead } = options
  const script = new URL("./eventProcess.ts", import.meta.url).pathname
  const args = ["--conditions=@holdfast/source", script, url, schema, way, `${leaseMillis}`, `${handlerMillis}`]
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: ahead === undefined ? process.env : { ...process.env, ...clockAhead(ahead) },
  })
  const said: Array<Said> = []
  let heard = Promise.withResolvers<void>()
  createInterface(child.stdout).on("line", (line) => {
    said.push(JSON.parse(line))
    heard.resolve()
    heard = Promise.withResolvers<void>()
  })
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const saying: EventProcess["saying"] = async (is) => {
    for (;;) {
      const next = heard.promise
      const found = said.find(is)
      if (found !== undefined) return found
      await next
    }
  }
  await saying(({ what }) => what === "serving")
  return {
    said,
    signal: (signal) => signalled(child, signal),
    saying,
    end: async () => {
      signalled(child, "SIGCONT")
      signalled(child, "SIGKILL")
      await gone
    },
  }
}

const signalled = (child: ChildProcess, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void => {
  child.kill(signal)
}
