/**
 * Server processes that end with this one, whatever becomes of it: a run that is killed leaves no server and no folder
 * behind.
 *
 * Node cannot tie a child's life to its own, so a small program stands between: the servers are its children, and it ends
 * them when the channel to us closes. It stands in a session of its own, where no Ctrl-C and no signal to our group meets it.
 */
import { type ChildProcess, fork } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { User } from "./serverUser.ts"

/** A server program to start. */
export interface Launch {
  readonly number: number
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Who runs it; undefined for whoever runs the test. */
  readonly user: User | undefined
  /** What ends it when it is not needed any more: whatever ends it quickest, for its data go as well. */
  readonly endBy: NodeJS.Signals
}

/** What the program tells of a launch: its process id, or why it ended. */
export type Told =
  | { readonly number: number; readonly begun: number }
  | { readonly number: number; readonly ended: string }

/** A server process. */
export interface Kept {
  readonly pid: number
  /** Why it ended; undefined while it runs. */
  readonly ended: () => string | undefined
  /** Sends it a signal and waits until it has ended. Where it has, nothing happens. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

export class Keeper {
  /** A temporary folder of the servers' own. It goes with them. */
  readonly folder: string
  readonly #user: User | undefined
  readonly #log: string
  readonly #program: ChildProcess
  readonly #begun = new Map<number, (pid: number) => void>()
  readonly #ended = new Map<number, (why: string) => void>()
  #launches = 0
  #waiting = 0

  /** `user` owns the folder and runs the servers; undefined for whoever runs the test. */
  constructor(name: string, user: User | undefined) {
    this.folder = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
    // Nobody but root may hand a folder or a process to somebody else, and nobody else has to.
    const other = user?.uid === process.getuid?.() ? undefined : user
    if (other !== undefined) chownSync(this.folder, other.uid, other.gid)
    this.#user = other
    this.#log = join(this.folder, "log")
    const program = fileURLToPath(new URL("./keeping.ts", import.meta.url))
    this.#program = fork(program, [this.folder, this.#log], { detached: true, execArgv: [], stdio: "ignore" })
    this.#program.on("message", (told: Told) => {
      if ("begun" in told) this.#begun.get(told.number)?.(told.begun)
      else this.#ended.get(told.number)?.(told.ended)
    })
    this.#program.once("exit", () => {
      for (const end of this.#ended.values()) end("its keeper is gone")
    })
    // It is there for us, and not we for it.
    this.#program.unref()
    this.#program.channel?.unref()
  }

  /** Starts a server program. Rejects where it cannot be started. */
  async start(launch: Omit<Launch, "number" | "user" | "cwd">): Promise<Kept> {
    const number = this.#launches++
    let why: string | undefined
    const begun = new Promise<number>((resolve) => this.#begun.set(number, resolve))
    const ended = new Promise<string>((resolve) => this.#ended.set(number, resolve)).then((told) => {
      why = told
      return told
    })
    const asked: Launch = { ...launch, number, user: this.#user, cwd: this.folder }
    this.#program.send(asked)
    const pid = await this.#waitFor(Promise.race([begun, ended]))
    if (typeof pid === "string") throw new Error(`${launch.command} could not be started: ${pid}`)
    return {
      pid,
      ended: () => why,
      end: async (signal) => {
        if (why !== undefined) return
        process.kill(pid, signal)
        await this.#waitFor(ended)
      },
    }
  }

  /** The last words of its servers, for the message of a failure. */
  get lastWords(): string {
    // None was started where it failed before.
    if (!existsSync(this.#log)) return ""
    return readFileSync(this.#log, "utf8").trimEnd().split("\n").slice(-8).join("\n")
  }

  /** Ends what still runs, and removes the folder. */
  async close(): Promise<void> {
    if (!this.#program.connected) return
    const gone = new Promise((resolve) => this.#program.once("exit", resolve))
    this.#program.ref()
    this.#program.disconnect()
    await gone
  }

  /** Keeps this process alive meanwhile. */
  async #waitFor<A>(answer: Promise<A>): Promise<A> {
    if (this.#waiting++ === 0) this.#program.channel?.ref()
    try {
      return await answer
    } finally {
      if (--this.#waiting === 0) this.#program.channel?.unref()
    }
  }
}
