/**
 * Metrics as observable instruments: they are read when somebody collects, and cost nothing otherwise.
 */
import type { Measurement } from "@holdfast/core"
import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api"

type Table = ReadonlyArray<Measurement>

/**
 * Has a meter read the measurements at every collection. What it answers ends that. Where it is given the last measurements, the
 * next collection has them: hosts flush their provider after they have stopped the shop.
 */
export const observeOn = (meter: Meter, read: () => Promise<Table>): ((last?: Table) => void) => {
  const instruments = new Map<string, Observable>()
  let ended = false
  let left: Table | undefined
  let forget = (): void => {}
  // The instruments have to be known before the first collection, and the table of a shop is the same at all times.
  const began = read().then((table) => {
    if (ended && left === undefined) return
    for (const measurement of table) instruments.set(measurement.name, instrumentOf(meter, measurement))
    const observed = Array.from(instruments.values())
    const observe: BatchObservableCallback = async (result) => {
      for (const { name, samples } of left ?? (await read())) {
        const instrument = instruments.get(name)
        if (instrument !== undefined) for (const { value, labels } of samples) result.observe(instrument, value, labels)
      }
      // Once: a shop that is made anew has the same instruments. All readers of a provider are flushed in one turn.
      if (ended) setTimeout(() => quietly(forget), 0)
    }
    meter.addBatchObservableCallback(observe, observed)
    forget = () => meter.removeBatchObservableCallback(observe, observed)
  })
  // A report fails only where the shop is gone. What the host's meter throws costs the metrics and nothing else.
  began.catch(() => {})
  return (last) => {
    ended = true
    left = last
    if (last === undefined) forget()
  }
}

const quietly = (run: () => void): void => {
  try {
    run()
  } catch {
    // It costs the metrics and nothing else, here as well.
  }
}

const instrumentOf = (meter: Meter, { name, kind, unit, help }: Measurement): Observable =>
  kind === "counter"
    ? meter.createObservableCounter(name, { unit, description: help })
    : meter.createObservableGauge(name, { unit, description: help })
