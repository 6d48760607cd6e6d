/**
 * Counts answers by route and status, and how long they took, and writes it in the Prometheus text format beside what
 * the shop counts.
 */
import { type HealthReport, measurementsOf, prometheusName } from "@holdfast/core"

/** Upper bounds in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

class RouteCounts {
  readonly byStatus = new Map<number, number>()
  readonly buckets = new Array<number>(bounds.length + 1).fill(0)
  seconds = 0
  count = 0
}

export class Metrics {
  readonly #routes = new Map<string, RouteCounts>()
  /** Requests without an answer yet. Those of plain routes are not counted. */
  inFlight = 0

  record(route: string, status: number, millis: number): void {
    let counts = this.#routes.get(route)
    if (counts === undefined) {
      counts = new RouteCounts()
      this.#routes.set(route, counts)
    }
    counts.byStatus.set(status, (counts.byStatus.get(status) ?? 0) + 1)
    const seconds = millis / 1000
    let bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++
    counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1
    counts.seconds += seconds
    counts.count++
  }

  /** The Prometheus text exposition, version 0.0.4. Of a shop that has not found its store that alone is told, which alerts are on. */
  text(health: HealthReport | undefined): string {
    const lines = [...this.#http(), ...(health === undefined ? storelessLines() : shopLines(health))]
    return `${lines.join("\n")}\n`
  }

  *#http(): Generator<string> {
    yield* head("holdfast_http_requests_total", "counter", "Answers by route and status.")
    for (const [route, { byStatus }] of this.#routes) {
      for (const [status, count] of byStatus) {
        yield `holdfast_http_requests_total{route="${escaped(route)}",status="${status}"} ${count}`
      }
    }
    yield* head("holdfast_http_request_duration_seconds", "histogram", "From the request's headers to its answer.")
    for (const [route, { buckets, seconds, count }] of this.#routes) {
      let cumulative = 0
      for (const [index, inBucket] of buckets.entries()) {
        cumulative += inBucket
        const bound = bounds[index] ?? "+Inf"
        yield `holdfast_http_request_duration_seconds_bucket{route="${escaped(route)}",le="${bound}"} ${cumulative}`
      }
      yield `holdfast_http_request_duration_seconds_sum{route="${escaped(route)}"} ${seconds}`
      yield `holdfast_http_request_duration_seconds_count{route="${escaped(route)}"} ${count}`
    }
    yield* one(
      "holdfast_http_requests_in_flight",
      "gauge",
      "Requests without an answer yet, without probes and the like.",
      this.inFlight,
    )
  }
}

function* storelessLines(): Generator<string> {
  yield* one("holdfast_store_reachable", "gauge", "1 where the store answers.", 0)
  yield* one("holdfast_degraded", "gauge", "1 where the shop works with less than it should.", 1)
}

function* shopLines(report: HealthReport): Generator<string> {
  for (const measurement of measurementsOf(report)) {
    const name = prometheusName(measurement)
    yield* head(name, measurement.kind, measurement.help)
    for (const { labels, value } of measurement.samples) {
      const written = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
      yield written.length === 0 ? `${name} ${value}` : `${name}{${written.join(",")}} ${value}`
    }
  }
}

function* head(name: string, type: string, help: string): Generator<string> {
  yield `# HELP ${name} ${help}`
  yield `# TYPE ${name} ${type}`
}

function* one(name: string, type: string, help: string, value: number): Generator<string> {
  yield* head(name, type, help)
  yield `${name} ${value}`
}

const escaped = (label: string): string => label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
