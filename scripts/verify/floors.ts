// The floors of this house, from the top down: the one list of which room may import which.
//
// A room imports what stands on floors below its own. Rooms on one floor import nothing of each other, nor of what is inside
// each other. A path without `.ts` is a folder; a file belongs to the room whose path is the longest that leads to it.
// `packages/NAME/src/` is left out: `core/orders` is `packages/core/src/orders`. CONTRIBUTING.md prints the list.

export interface Floor {
  readonly rooms: ReadonlyArray<string>
  readonly what: string
}

const floor = (rooms: string, what: string): Floor => ({ rooms: rooms.split(" "), what })

export const floors: ReadonlyArray<Floor> = [
  floor("http/index.ts", "what hosts import"),
  floor(
    "http/node http/client http/layer.ts",
    "a listener for node:http │ the typed client │ routes of an Effect server",
  ),
  floor("http/shopHandler.ts", "a shop as a function from request to response"),
  floor(
    "http/surface http/fetchShell.ts",
    "routes, and the one path of every request │ the web's requests and responses",
  ),
  floor("http/document http/handlers", "the OpenAPI document and its page │ what each route does, in the core's words"),
  floor("http/compatibility", "between those words and the wire's, which are the reference service's"),
  floor("http/contract http/options.ts", "every endpoint as one value │ what a host may set"),
  floor("http/problems", "everything that is no success"),
  floor("http/exchange", "what a request is: caller, key, tag, trace, deadlines"),
  floor(
    "adapters/cli adapters/pglite adapters/opentelemetry adapters/testing",
    "the command holdfast │ PostgreSQL inside the process │ spans and metrics │ a stage for tapes",
  ),
  floor(
    "adapters/postgres adapters/redis adapters/kafka",
    "one service each; files on top make a store out of the rooms",
  ),
  floor("adapters/postgres/outbox", "events and their leases"),
  floor(
    "adapters/postgres/connect adapters/postgres/statements",
    "how a session is reached │ the SQL of kinds, ledgers, outbox",
  ),
  floor("adapters/postgres/schema", "migrations, and the shape that they make"),
  floor("adapters/postgres/session", "one session: frames, replies, faults"),
  floor("core/index.ts core/testing", "for hosts │ for tests of hosts and adapters"),
  floor("core/testing/zoo", "broken adapters and engines, each caught by a law"),
  floor("core/testing/tapes", "several shops on a real server, under every order of their frames"),
  floor(
    "core/testing/conformance core/testing/cache core/testing/ranking core/testing/suites",
    "trials of a store, and their report │ the same for a cache │ for a ranking │ cases for any test runner",
  ),
  floor("core/testing/laws", "the promises, as data"),
  floor("core/testing/workloads", "plans that are likely to meet"),
  floor("core/testing/server", "a simulated server, and processes with sessions of their own"),
  floor("core/testing/trial core/testing/lin", "runs a plan │ linearizability"),
  floor("core/testing/sim core/testing/kit", "deterministic simulation of any program │ verdicts of smaller kits"),
  floor("core/promise", "createHoldfast: the promise façade"),
  floor("core/services", "points, coupons, stock, orders, popularity, audit, events: what hosts and HTTP call"),
  floor(
    "core/engine core/memory core/delivery core/cache",
    "lanes and group commit │ reference adapters │ subscriptions and relay │ reads that may have an age",
  ),
  floor("core/ports", "Store, Outbox, EventBus, SharedCache, Ranking, RequestLog: all that an adapter needs"),
  floor("core/transact core/audit", "the algorithm of batches │ the invariants, recounted"),
  floor("core/decision", "commands, kinds, changes, decide, the fold, receipts"),
  floor("core/orders core/terms", "states, pricing, placeOrder, cancelOrder │ changes of terms"),
  floor(
    "core/points core/coupons core/stock core/popularity core/events",
    "pure: records and rules; orders is where they meet",
  ),
  floor("core/errors.ts", "for browsers, and those who only read errors"),
  floor("core/options.ts", "how options are checked and refused, in every package"),
  floor("core/HoldfastError.ts", "a refusal as it is thrown"),
  floor("core/codeOf.ts", "from a refusal to its code"),
  floor("core/refusals.ts", "the one table of everything that can be answered instead of success"),
  floor(
    "core/codes.ts core/values.ts core/thrown.ts core/elapsed.ts",
    "stable codes │ ids, amounts, keys │ what was thrown, as text │ how much time has passed",
  ),
]

/** Rooms that know nothing of each other, on whatever floors they stand. */
export const strangers: ReadonlyArray<ReadonlyArray<string>> = [
  ["http", "adapters"],
  ["adapters/pglite", "adapters/redis", "adapters/kafka"],
]

/** The list as CONTRIBUTING.md prints it: a block for each package. */
export const printed = (): string =>
  floors
    .flatMap(({ rooms, what }, index) => {
      const [own = ""] = rooms.map(packageOf)
      const above = floors[index - 1]?.rooms.map(packageOf)[0]
      const head = above === own ? [] : [`packages/${own}/src/`]
      return [
        ...head,
        `  ${rooms.map((room) => room.slice(own.length + 1)).join(" │ ")}`.padEnd(40).concat(`  ${what}`),
      ]
    })
    .join("\n")

const packageOf = (room: string): string => room.slice(0, `${room}/`.indexOf("/"))
