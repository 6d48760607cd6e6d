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

const isTrue = () => true
const isFalse = () => false
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await pause(20)
}

/** A request that the server has begun to read; `finish` sends the rest and hears the answer. */
const begun = async (url: string) => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1")
  // The server may end while it is still open.
  socket.on("error", () => {})
  const body = JSON.stringify({ amount: 1 })
  socket.write(
    `POST /api/v1/users/1/points HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  await pause(200)
  const finish = (): Promise<string> =>
    new Promise((resolve) => {
      socket.once("data", (answer) => resolve(String(answer)))
      socket.write(body)
    })
  return { finish }
}

describe("the server stops in order", { timeout: 60_000 }, () => {
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
    await until(() => said().includes(`${signal}: answering`))
    await pause(300)
    expect(await request.finish()).toContain("HTTP/1.1 200 OK")
    expect(await exited).toBe(0)
  })

  it("at a SIGTERM to npm, which tells nobody but its shell", async () => {
    const { child, url, said } = await startWith(["npm", "run", "--silent", "serve", "--"], inMemory)
    child.kill("SIGTERM")
    await until(() => fetch(`${url}/livez`).then(isFalse, isTrue))
    expect(said()).toContain("SIGTERM: answering what is under way")
  })

  it("and at once when it is asked again later", async () => {
    const { child, exited, url } = await start(...inMemory)
    await begun(url)
    child.kill("SIGTERM")
    await pause(1_200)
    child.kill("SIGTERM")
    expect(await exited).toBe(130)
  })
})
