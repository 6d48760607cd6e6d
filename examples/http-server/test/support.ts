/**
 * Starts the server as users do, in a process of its own, and asks it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { resolve } from "node:path"
import { afterAll } from "vitest"

const main = resolve(import.meta.dirname, "../src/main.ts")
const children: Array<ChildProcess> = []
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
})

interface Started {
  readonly url: string
  readonly child: ChildProcess
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>
  readonly said: () => string
}

export const start = (...flags: ReadonlyArray<string>): Promise<Started> =>
  startWith([process.execPath, "--conditions=@holdfast/source", main], flags)

/** With another command than node itself, as the leader of a process group where that is asked for. */
export const startWith = async (
  [command = "", ...args]: ReadonlyArray<string>,
  flags: ReadonlyArray<string>,
  { detached = false } = {},
): Promise<Started> => {
  const child = spawn(command, [...args, "--port", "0", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: resolve(import.meta.dirname, "../../.."),
    env: { ...process.env, NODE_OPTIONS: "" },
    detached,
  })
  children.push(child)
  let output = ""
  let said = ""
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk
  })
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk
      const ready = /^ready (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(output)?.[1]
      if (ready !== undefined) resolve(ready)
    })
    void exited.then((code) => reject(new Error(`The server ended with ${code}: ${said}`)))
  })
  return { url, child, exited, said: () => said }
}

export const post = (
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/api/v1${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  })
