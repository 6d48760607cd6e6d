/**
 * Every metric of a shop: one table, out of which come the Prometheus text, the instruments of OpenTelemetry and those of
 * Effect. No label has an id of anybody in it: their values are few.
 */
import type { HealthReport } from "./Health.ts"

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Measurement {
  /** By the conventions of OpenTelemetry: `holdfast.lane.busy`. */
  readonly name: string
  /** `counter` only grows, from 0 at the start of the process. */
  readonly kind: "counter" | "gauge"
  /** `s` for seconds, or what is counted, in braces: `{command}`. */
  readonly unit: string
  readonly help: string
  readonly samples: ReadonlyArray<Sample>
}

/** What the metrics are at the moment of a report. The same names in every report, whatever the store. */
export const measurementsOf = (report: HealthReport): ReadonlyArray<Measurement> => [
  ...ofStore(report),
  ...ofEngine(report),
  ...ofReads(report),
  ...ofSubscriptions(report),
  ...ofBus(report),
  {
    ...gauge("holdfast.requests_waiting", "{request}", "Coupon requests that are not decided.", 0),
    samples: known(report.requests?.waiting),
  },
]

/**
 * What a process leaves behind when its shop stops: what it counted. The lease is another's in a moment, and whatever else it said of
 * a moment is over: who is pushed numbers shows the last ones for minutes.
 */
export const leftBehind = (table: ReadonlyArray<Measurement>): ReadonlyArray<Measurement> =>
  table.map((one) => {
    if (one.kind === "counter") return one
    const isLease = one.name === ownerName
    return { ...one, samples: isLease ? one.samples.map(({ labels }) => ({ labels, value: 0 })) : [] }
  })

const ownerName = "holdfast.subscription_owner"

/**
 * The name that Prometheus has for a metric, as OpenTelemetry says that exporters make it: `holdfast_lane_busy_seconds_total`. Node's
 * leaves the unit out.
 */
export const prometheusName = ({ name, unit, kind }: Pick<Measurement, "name" | "unit" | "kind">): string =>
  `${name.replaceAll(".", "_")}${unit === "s" ? "_seconds" : ""}${kind === "counter" ? "_total" : ""}`

const ofStore = ({ status, store, metrics }: HealthReport): ReadonlyArray<Measurement> => [
  gauge("holdfast.store_reachable", "{bool}", "1 where the store answers.", store.reachable ? 1 : 0),
  gauge("holdfast.degraded", "{bool}", "1 where the shop works with less than it should.", status === "ok" ? 0 : 1),
  gauge("holdfast.store_sessions", "{session}", "Connections to the store that are open.", metrics.sessions),
  counter("holdfast.store_sessions_opened", "{session}", "Connections that were opened.", metrics.sessionsOpened),
  counter("holdfast.conflicts", "{decision}", "Decisions whose guards did not hold.", metrics.conflicts),
  counter("holdfast.locked_batches", "{batch}", "Batches that locked before they decided.", metrics.lockedBatches),
]

const ofEngine = ({ metrics }: HealthReport): ReadonlyArray<Measurement> => [
  {
    name: "holdfast.operations",
    kind: "counter",
    unit: "{command}",
    help: "Commands by operation and outcome, also those inside a host's transaction.",
    samples: Object.entries(metrics.operations).flatMap(([operation, counts]) =>
      Object.entries(counts).map(([outcome, value]) => ({ labels: { operation, outcome }, value })),
    ),
  },
  gauge("holdfast.queue_depth", "{command}", "Commands that wait for a lane.", metrics.queueDepth),
  gauge("holdfast.commands_in_flight", "{command}", "Commands that a lane has taken.", metrics.inFlight),
  counter("holdfast.batches", "{batch}", "Batches that were sent to the store.", metrics.batches),
  counter("holdfast.batched_commands", "{command}", "Commands in those batches.", metrics.batchedCommands),
  counter("holdfast.lane_busy", "s", "Time with a batch in hand.", metrics.laneBusyMillis / 1000),
  counter("holdfast.lost_replies", "{batch}", "Batches run again after an unknown outcome.", metrics.lostReplies),
  counter("holdfast.busy_batches", "{batch}", "Batches that found a key held.", metrics.busyBatches),
  gauge("holdfast.busy_keys", "{key}", "Keys that somebody else holds.", metrics.busyKeys),
  counter("holdfast.rejected_batches", "{batch}", "Batches halved after a rejection.", metrics.rejectedBatches),
  gauge("holdfast.seals", "{campaign}", "Campaigns that are sealed.", metrics.seals),
  counter("holdfast.seals_built", "{seal}", "Seals that were built.", metrics.sealsBuilt),
  counter("holdfast.seals_voided", "{seal}", "Seals whose campaign issued again.", metrics.sealsVoided),
  counter("holdfast.sealed_refusals", "{command}", "Claims refused by a seal.", metrics.sealedRefusals),
  counter("holdfast.sealed_passed", "{command}", "Claims that a seal left to the store.", metrics.sealedPassed),
]

const ofReads = ({ reads }: HealthReport): ReadonlyArray<Measurement> => {
  const { hits, joined, shared, ranked, misses, faults } = reads
  const leftAlone = Object.entries({ cache: reads.leftAlone, ranking: reads.rankingLeftAlone })
  return [
    {
      name: "holdfast.aged_reads",
      kind: "counter",
      unit: "{read}",
      help: "Reads that may have an age, by where their answer was.",
      samples: Object.entries({ process: hits, flight: joined, cache: shared, ranking: ranked, store: misses }).map(
        ([from, value]) => ({ labels: { from }, value }),
      ),
    },
    counter("holdfast.cache_faults", "{call}", "Calls of the shared cache that failed.", faults),
    {
      ...gauge("holdfast.left_alone", "{bool}", "1 where the cache or ranking is asked nothing, after faults.", 0),
      samples: leftAlone.flatMap(([of, is]) => (is === undefined ? [] : [{ labels: { of }, value: is ? 1 : 0 }])),
    },
  ]
}

const ofSubscriptions = ({ subscriptions }: HealthReport): ReadonlyArray<Measurement> => {
  const each = (value: (one: HealthReport["subscriptions"][number]) => number | undefined): ReadonlyArray<Sample> =>
    subscriptions.flatMap((one) => {
      const found = value(one)
      return found === undefined ? [] : [{ labels: { subscription: one.name }, value: found }]
    })
  const named = (
    name: string,
    kind: Measurement["kind"],
    unit: string,
    help: string,
    samples: ReadonlyArray<Sample>,
  ): Measurement => ({ name: `holdfast.subscription_${name}`, kind, unit, help, samples })
  return [
    {
      ...gauge(ownerName, "{bool}", "1 in the process that has the lease.", 0),
      samples: each((one) => (one.hasLease ? 1 : 0)),
    },
    named(
      "takeovers",
      "counter",
      "{lease}",
      "Leases that this process was granted.",
      each((one) => one.takeovers),
    ),
    named(
      "waiting",
      "gauge",
      "{event}",
      "Events that wait, told by the owner.",
      each((one) => one.backlog?.waiting),
    ),
    named(
      "parked",
      "gauge",
      "{event}",
      "Events that were set aside, told by the owner.",
      each((one) => one.backlog?.parked),
    ),
    named(
      "age",
      "gauge",
      "s",
      "How long ago the oldest waiting event occurred, told by the owner.",
      each((one) => one.backlog && one.backlog.oldestAgeMillis / 1000),
    ),
  ]
}

/** No sample where there is nothing to say. */
const known = (value: number | undefined): ReadonlyArray<Sample> => (value === undefined ? [] : [{ labels: {}, value }])

const ofBus = ({ bus }: HealthReport): ReadonlyArray<Measurement> => {
  const isTaken = bus?.reachable === undefined ? undefined : bus.reachable ? 1 : 0
  const age = bus && bus.oldestMillis / 1000
  return [
    {
      ...gauge("holdfast.bus_reachable", "{bool}", "1 where the bus took the last batch.", 0),
      samples: known(isTaken),
    },
    { ...counter("holdfast.bus_published", "{event}", "Events that the bus took.", 0), samples: known(bus?.published) },
    {
      ...counter("holdfast.bus_failures", "{batch}", "Batches that it did not take.", 0),
      samples: known(bus?.failures),
    },
    { ...gauge("holdfast.bus_oldest", "s", "Age of the first event not taken yet.", 0), samples: known(age) },
  ]
}

const single =
  (kind: Measurement["kind"]) =>
  (name: string, unit: string, help: string, value: number): Measurement => ({
    name,
    kind,
    unit,
    help,
    samples: [{ labels: {}, value }],
  })

const gauge = single("gauge")
const counter = single("counter")
