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

const takesNobody = (url: string) => () =>
  fetch(`${url}/livez`).then(
    () => false,
    () => true,
  )

/** A request that the server has begun to read; `finish` sends the rest and hears the answer. */
const begun = async (url: string) => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1")
  // The server may end while it is still open.
  socket.on("error", () => {})
  const body = JSON.stringify({ amount: 1 })
  // It says that it has read so far, before it hears the rest.
  const read = new Promise((resolve) => socket.once("data", resolve))
  const headers = `host: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
  socket.write(`POST /api/v1/users/1/points HTTP/1.1\r\n${headers}\r\n\r\n`)
  expect(String(await read)).toContain("HTTP/1.1 100 Continue")
  const finish = (): Promise<string> =>
    new Promise((resolve) => {
      socket.once("data", (answer) => resolve(String(answer)))
      socket.write(body)
    })
  return { finish }
}

describe("the server stops in order", () => {
  it("at a signal to the script that started it", async () => {
    const { child, exited, said } = await startWith(ensure, inMemory)
    child.kill("SIGTERM")
    expect(await exited).toBe(0)
    expect(said()).toContain("SIGTERM: answering what is under way")
  })

  it.each(["SIGINT", "SIGTERM"] as const)("at a %s to the whole group, which comes twice", async (signal) => {
    const { child, exited, url, said } = await startWith(ensure, inMemory, { detached: true })
    const request = await begun(url)
    process.kill(-(child.pid ?? 0), signal)
    await expect.poll(said).toContain(`${signal}: answering`)
    await expect.poll(takesNobody(url)).toBe(true)
    expect(await request.finish()).toContain("HTTP/1.1 200 OK")
    expect(await exited).toBe(0)
  })

  it("at a SIGTERM to npm, which tells nobody but its shell", async () => {
    const { child, url, said } = await startWith(["npm", "run", "--silent", "serve", "--"], inMemory)
    child.kill("SIGTERM")
    await expect.poll(takesNobody(url)).toBe(true)
    expect(said()).toContain("SIGTERM: answering what is under way")
  })

  it("and at once when it is asked again later", async () => {
    const { child, exited, url, said } = await start(...inMemory)
    await begun(url)
    child.kill("SIGTERM")
    await expect.poll(said).toContain("SIGTERM: answering")
    // Later is more than a second after it has heard the first one.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    child.kill("SIGTERM")
    expect(await exited).toBe(130)
  })
})
