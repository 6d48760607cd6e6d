/**
 * `docs/laws.md`: every law as a reader finds it, generated from the laws themselves.
 */
import { busLaws } from "./bus/busLaws.ts"
import { cacheLaws } from "./cache/cacheLaws.ts"
import type { Law } from "./laws/Law.ts"
import { laws } from "./laws/laws.ts"
import { sealLaws } from "./laws/seals.ts"
import { rankingLaws } from "./ranking/rankingLaws.ts"
import { requestLaws } from "./requests/requestLaws.ts"

const groups: { readonly [prefix: string]: string } = {
  PTS: "Points",
  CPN: "Coupons",
  STK: "Stock",
  POP: "Popularity",
  ORD: "Orders",
  IDM: "Idempotency",
  DLN: "Deadlines and withdrawal",
  ABS: "Things that do not exist yet",
  SRV: "What the services tell",
  CRS: "Crashes and restarts",
  PRC: "Several processes",
  EVT: "Events",
  SUB: "Subscriptions",
  OUT: "The relay and the bus",
  DUR: "Durability",
}

/** The page, with the mutants that each law catches where the matrix of the zoo is given. */
export const lawsMarkdown = (matrix?: ReadonlyMap<string, ReadonlySet<string>>): string => {
  const sections = Map.groupBy(laws, ({ id }) => id.slice(0, 3))
  return [
    "# The laws of the Store port",
    "",
    "Generated from the laws in `packages/core/src/testing/laws`; do not edit. Every law is checked on every trial of a",
    "conformance run; its workload is the one that is made to put it to the test. A law whose *sometimes* goals are never",
    "met is reported as vacuous.",
    ...Array.from(sections, ([prefix, members]) => sectionOf(groups[prefix] ?? prefix, members, matrix)),
    sectionOf("Seals, put to the test with the engine", sealLaws, undefined),
    "",
    "# The laws of the smaller ports",
    "",
    "Each has a kit of its own, which judges any adapter of it.",
    kitOf("SharedCache", "cacheConformance", cacheLaws),
    kitOf("Ranking", "rankingConformance", rankingLaws),
    kitOf("EventBus", "busConformance", busLaws),
    kitOf("RequestLog", "requestConformance", requestLaws),
    "",
  ].join("\n")
}

interface Promised {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly sometimes?: ReadonlyArray<string>
}

const kitOf = (port: string, kit: string, promised: ReadonlyArray<Promised>): string =>
  [
    "",
    `## ${port}, by \`${kit}\``,
    ...promised.flatMap(({ id, title, why, sometimes = [] }) => [
      "",
      `### ${id}`,
      "",
      `**${title}.** ${why}`,
      ...(sometimes.length === 0 ? [] : ["", `- Sometimes: ${sometimes.join("; ")}`]),
    ]),
  ].join("\n")

const sectionOf = (
  title: string,
  members: ReadonlyArray<Law>,
  matrix: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): string => ["", `## ${title}`, ...members.map((law) => entryOf(law, matrix?.get(law.id)))].join("\n")

const entryOf = (
  { id, level, title, why, workload, sometimes }: Law,
  caught: ReadonlySet<string> | undefined,
): string => {
  const goals = Object.keys(sometimes)
  return [
    "",
    `### ${id}`,
    "",
    `**${title}.** (${level}) ${why}`,
    "",
    `- Workload: ${workload.name}`,
    ...(goals.length === 0 ? [] : [`- Sometimes: ${goals.join("; ")}`]),
    ...(caught === undefined || caught.size === 0 ? [] : [`- Catches: ${Array.from(caught).sort().join("; ")}`]),
  ].join("\n")
}
