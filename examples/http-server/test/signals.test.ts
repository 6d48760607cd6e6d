/**
 * Stopping the server through what `npm run serve` puts around it: npm, a shell, and `scripts/ensure.mjs`.
 */
import { connect } from "node:net"
import { describe, expect, it } from "vitest"
import { start, startWith } from "./support.ts"

const ensure = [
  process.execPath,
  "scripts/ensure.mjs",
  "node",
  "--conditions=@holdfast/source",
  "examples/http-server/src/main.ts",
]
const inMemory = ["--store", "memory"]

/** Completes when nothing listens any more. */
const gone = async (url: string): Promise<void> => {
  while (
    await fetch(`${url}/livez`).then(
      () => true,
      () => false,
    )
  )
    await new Promise((next) => setTimeout(next, 50))
}

describe("the server stops in order", { timeout: 60_000 }, () => {
  it("at a signal to the script that started it", async () => {
    const { child, exited, said } = await startWith(ensure, inMemory)
    child.kill("SIGTERM")
    expect(await exited).toBe(0)
    expect(said()).toContain("SIGTERM: answering what is under way")
  })

  it.each(["SIGINT", "SIGTERM"] as const)("at a %s to the whole group, which comes twice", async (signal) => {
    const { child, exited } = await startWith(ensure, inMemory, { detached: true })
    process.kill(-(child.pid ?? 0), signal)
    expect(await exited).toBe(0)
  })

  it("at a SIGTERM to npm, which tells nobody but its shell", async () => {
    const { child, url, said } = await startWith(["npm", "run", "--silent", "serve", "--"], inMemory)
    child.kill("SIGTERM")
    await gone(url)
    expect(said()).toContain("SIGTERM: answering what is under way")
  })

  it("and at once when it is asked again later", async () => {
    const { child, exited, url } = await start(...inMemory)
    // An answer that never ends keeps the server from stopping by itself for 5 seconds.

    const socket = connect(Number(new URL(url).port), "127.0.0.1")
    socket.on("error", () => {})
    socket.write(
      "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    )
    await new Promise((resolve) => setTimeout(resolve, 200))
    child.kill("SIGTERM")
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    child.kill("SIGTERM")
    expect(await exited).toBe(130)
    socket.destroy()
  })
})
