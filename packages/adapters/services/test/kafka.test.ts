import { connect } from "node:net"
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { privateKafka } from "../src/index.ts"

afterEach(() => {
  vi.unstubAllEnvs()
})

/** Whether a broker answers ApiVersions within a moment. */
const answersAt = (address: string, withinMillis: number): Promise<boolean> =>
  new Promise((resolve) => {
    const [host, port] = address.split(":")
    const socket = connect({ host: host ?? "", port: Number(port) }, () =>
      socket.write(Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff])),
    )
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once("data", () => end(true))
    socket.once("error", () => end(false))
    socket.setTimeout(withinMillis, () => end(false))
  })

describe("a private Kafka", () => {
  it("given a broker that is frozen, killed, restarted → answers where and when it runs, at one address", async (context) => {
    const kafka = await privateKafka("a broker that is killed")
    if (kafka === undefined) return context.skip("no Kafka here")
    onTestFinished(kafka.stop)
    const [broker] = kafka.brokers
    if (broker === undefined) throw new Error("a cluster without a broker")
    expect(await answersAt(broker.address, 60_000)).toBe(true)
    broker.freeze()
    expect(await answersAt(broker.address, 500)).toBe(false)
    broker.thaw()
    expect(await answersAt(broker.address, 60_000)).toBe(true)
    await broker.kill()
    expect(await answersAt(broker.address, 500)).toBe(false)
    await broker.restart()
    expect(await answersAt(broker.address, 60_000)).toBe(true)
  })

  it("given no Java and no Maven → is left out, and the note says what to install", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {})
    vi.stubEnv("HOLDFAST_LEFT_OUT", "")
    vi.stubEnv("PATH", "")
    vi.stubEnv("XDG_CACHE_HOME", "/nowhere")
    expect(await privateKafka("a run without Java")).toBeUndefined()
    expect(warn).toHaveBeenCalledWith(
      "LEFT OUT: a run without Java: no Kafka here (install Java 17 or later and Maven)",
    )
  })
})
