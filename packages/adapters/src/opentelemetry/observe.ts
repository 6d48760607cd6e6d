/**
 * Metrics as observable instruments: they are read when somebody collects, and cost nothing otherwise.
 */
import type { Measurement } from "@holdfast/core"
import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api"

/** Has a meter read the measurements at every collection. What it answers ends that. */
export const observeOn = (meter: Meter, read: () => Promise<ReadonlyArray<Measurement>>): (() => void) => {
  const instruments = new Map<string, Observable>()
  let ended = false
  let end = (): void => {}
  // The instruments have to be known before the first collection, and the table of a shop is the same at all times.
  const began = read().then((table) => {
    if (ended) return
    for (const measurement of table) instruments.set(measurement.name, instrumentOf(meter, measurement))
    const observed = Array.from(instruments.values())
    const observe: BatchObservableCallback = async (result) => {
      for (const { name, samples } of await read()) {
        const instrument = instruments.get(name)
        if (instrument !== undefined) for (const { value, labels } of samples) result.observe(instrument, value, labels)
      }
    }
    meter.addBatchObservableCallback(observe, observed)
    end = () => meter.removeBatchObservableCallback(observe, observed)
  })
  // A report fails only where the shop is gone. What the host's meter throws costs the metrics and nothing else.
  began.catch(() => {})
  return () => {
    ended = true
    end()
  }
}

const instrumentOf = (meter: Meter, { name, kind, unit, help }: Measurement): Observable =>
  kind === "counter"
    ? meter.createObservableCounter(name, { unit, description: help })
    : meter.createObservableGauge(name, { unit, description: help })
