/**
 * Members that leave: what is in hand ends first, and brokers that do not answer are not waited for.
 */
import { createServer, type Socket } from "node:net"
import { describe, expect, it, onTestFinished } from "vitest"
import { kafkajs, platformatic } from "../../src/kafka/index.ts"
import { leavable } from "../../src/kafka/retrying.ts"

/** The address of a broker that takes connections and never says a word. */
const silentBroker = async (): Promise<string> => {
  const open = new Set<Socket>()
  const server = createServer((socket) => void open.add(socket.on("error", () => {})))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  return `127.0.0.1:${typeof address === "object" ? address?.port : ""}`
}

describe.each([
  ["kafkajs", kafkajs],
  ["@platformatic/kafka", platformatic],
] as const)("%s", (_, make) => {
  it("given a broker that does not answer → is left within seconds", async () => {
    const kafka = make({ brokers: [await silentBroker()] })
    const to = { topic: "shop.events", group: "mail", maxSlice: 10, onTrouble: () => {} }
    const { close } = await kafka.subscribe(to, async () => {})
    await new Promise((resolve) => setTimeout(resolve, 500))
    const began = performance.now()
    await close()
    expect(performance.now() - began).toBeLessThan(8_000)
  })
})

it("waits for what is in hand for as long as that takes", async () => {
  let end = () => {}
  const { handle, untilLeft } = leavable(
    () =>
      new Promise((resolve) => {
        end = resolve
      }),
  )
  void handle({ topic: "shop.events", partition: 0, records: [] }, new AbortController().signal)
  let hasLeft = false
  const leaving = untilLeft(Promise.resolve()).then(() => {
    hasLeft = true
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(hasLeft).toBe(false)
  end()
  await leaving
  expect(hasLeft).toBe(true)
})
