import { createHoldfast, measurementsOf } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { DataPointType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics"
import { describe, expect, it, onTestFinished } from "vitest"
import { openTelemetry } from "../../src/opentelemetry/index.ts"

class OnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

describe("metrics of a host without Effect", () => {
  it("are those of the health report, read whenever somebody collects, until the shop stops", async () => {
    const reader = new OnDemand()
    const meterProvider = new MeterProvider({ readers: [reader] })
    const shop = createHoldfast({ store: memory(), telemetry: openTelemetry({ meterProvider }) })
    await shop.points.open({ accountId: "ann" })
    await shop.events.subscribe("mail", () => {})
    await shop.points.charge({ accountId: "ann", amount: 5, key: "c" })
    await shop.events.settled("mail")
    const collected = async () => {
      const { resourceMetrics } = await reader.collect()
      const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
      return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]))
    }
    const metrics = await collected()
    const known = measurementsOf(await shop.health()).filter(({ samples }) => samples.length > 0)
    expect([...metrics.keys()].sort()).toEqual(known.map(({ name }) => name).sort())
    const points = metrics.get("holdfast.operations") ?? []
    const charged = points.find(
      ({ attributes }) => attributes.operation === "points.charge" && attributes.outcome === "accepted",
    )
    expect(charged?.value).toBe(1)
    expect(metrics.get("holdfast.subscription_owner")?.[0]).toMatchObject({
      value: 1,
      attributes: { subscription: "mail" },
    })
    await shop.stop()
  })

  it("have what was counted up to the stop in the next collection of every reader, and a shop made anew counts on", async () => {
    const readers = [new OnDemand(), new OnDemand()]
    const meterProvider = new MeterProvider({ readers })
    const shop = createHoldfast({ store: memory(), telemetry: openTelemetry({ meterProvider }) })
    const opened = (reader: OnDemand) =>
      reader.collect().then(({ resourceMetrics }) => {
        const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
        const points = all.find(({ descriptor }) => descriptor.name === "holdfast.operations")?.dataPoints ?? []
        return points.find(({ attributes: { operation, outcome } }) => `${operation} ${outcome}` === wanted)?.value
      })
    const wanted = "points.open accepted"
    // What is read first makes the instruments, and what was left is forgotten in a later turn.
    const settle = () => new Promise((resolve) => setTimeout(resolve, 50))
    await shop.points.open({ accountId: "ann" })
    await settle()
    expect(await Promise.all(readers.map(opened))).toEqual([1, 1])
    await shop.points.open({ accountId: "bob" })
    await shop.stop()
    expect(await Promise.all(readers.map(opened))).toEqual([2, 2])
    await settle()
    const again = createHoldfast({ store: memory(), telemetry: openTelemetry({ meterProvider }) })
    await again.points.open({ accountId: "eve" })
    await settle()
    expect(await Promise.all(readers.map(opened))).toEqual([3, 3])
    await again.stop()
  })

  it("say after the stop nothing of a moment that is over, and give up the lease", async () => {
    const reader = new OnDemand()
    const meterProvider = new MeterProvider({ readers: [reader] })
    const shop = createHoldfast({ store: memory(), telemetry: openTelemetry({ meterProvider }) })
    await shop.events.subscribe("mail", () => {})
    await expect.poll(async () => (await shop.health()).subscriptions[0]?.hasLease).toBe(true)
    await shop.stop()
    const { resourceMetrics } = await reader.collect()
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
    const gauges = all.filter(({ dataPointType }) => dataPointType === DataPointType.GAUGE)
    const told = gauges.flatMap(({ descriptor: { name }, dataPoints }) => dataPoints.map(({ value }) => [name, value]))
    // Whoever adds up the owners of a fleet keeps what it was told last for minutes.
    expect(told).toEqual([["holdfast.subscription_owner", 0]])
    expect(all.length).toBeGreaterThan(10)
  })

  it("are read no more once that was ended, also where the first reading is still under way", async () => {
    const reader = new OnDemand()
    const { observe } = openTelemetry({ meterProvider: new MeterProvider({ readers: [reader] }) })
    let readings = 0
    const read = async () => {
      readings++
      return [{ name: "one", kind: "gauge" as const, unit: "s", help: "", samples: [{ labels: {}, value: 1 }] }]
    }
    observe(read)()
    await reader.collect()
    expect(readings).toBe(1)
    const end = observe(read)
    await expect.poll(() => reader.collect().then(() => readings)).toBeGreaterThan(2)
    end()
    const before = readings
    await reader.collect()
    expect(readings).toBe(before)
  })
})

describe("a host's meter that throws", () => {
  const broken = () => {
    throw new Error("the meter is broken")
  }
  const whole = () => ({ addCallback: () => {}, removeCallback: () => {} })
  const ofMeter = (meter: object) => () => ({
    createObservableCounter: whole,
    createObservableGauge: whole,
    addBatchObservableCallback: () => {},
    removeBatchObservableCallback: () => {},
    ...meter,
  })

  it.each([
    ["when it is asked for", broken],
    ["when a counter is made", ofMeter({ createObservableCounter: broken })],
    ["when a gauge is made", ofMeter({ createObservableGauge: broken })],
    ["when it is given what reads", ofMeter({ addBatchObservableCallback: broken })],
    ["when that is taken back", ofMeter({ removeBatchObservableCallback: broken })],
  ])("%s costs the metrics, and neither a call nor the process", async (_, getMeter) => {
    const strays: Array<unknown> = []
    const heard = (reason: unknown) => void strays.push(reason)
    process.on("unhandledRejection", heard)
    onTestFinished(() => void process.off("unhandledRejection", heard))
    const meterProvider = { getMeter } as unknown as MeterProvider
    const shop = createHoldfast({ store: memory(), telemetry: openTelemetry({ meterProvider }) })
    await shop.points.open({ accountId: "ann" })
    await shop.health()
    // The first reading is a chain of promises, and rejections are told of once the turn is over.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    await shop.stop()
    expect(strays).toEqual([])
  })
})
