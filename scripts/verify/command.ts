// Runs one command and keeps what it says, so that a step that passes can stay quiet.

import { spawn } from "node:child_process"
import { stripVTControlCharacters } from "node:util"

export interface Outcome {
  readonly ok: boolean
  readonly output: string
}

export type Run = (command: string, ...args: ReadonlyArray<string>) => Promise<Outcome>

export const runCommand: Run = (command, ...args) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] })
    const chunks: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.on("error", (error) => resolve({ ok: false, output: `${command} could not be started: ${error.message}` }))
    child.on("close", (code) => {
      const output = stripVTControlCharacters(Buffer.concat(chunks).toString("utf8"))
      resolve({ ok: code === 0, output: code === 0 ? output : `$ ${[command, ...args].join(" ")}\n${output}` })
    })
  })

/** Runs thunks in turn and stops at the first that fails, keeping what all of them said. */
export const inTurn = async (commands: ReadonlyArray<() => Promise<Outcome>>): Promise<Outcome> => {
  let said = ""
  for (const command of commands) {
    const { ok, output } = await command()
    said += output
    if (!ok) return { ok, output: said }
  }
  return { ok: true, output: said }
}
