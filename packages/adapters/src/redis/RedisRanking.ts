/**
 * The `Ranking` on Redis: sorted sets under one hash tag, one script a call.
 *
 * What the scripts find is what their feeder has left, or nothing is answered: see `rankingScripts.ts`. Exact while a
 * window's units of a product are at most 2^53 − 1; beyond that it is never whole, and the store adds up.
 */
import {
  type CacheFault,
  defaultRankingDays,
  type FeederStep,
  type Ranked,
  Ranking,
  type RankingGuarantees,
  type RankingShape,
} from "@holdfast/core/ports"
import { Effect, Layer } from "effect"
import { type Connection, defaultTimeoutMillis } from "./Connection.ts"
import { openRedis } from "./open.ts"
import { defaultPrefix, type RankingOptions } from "./options.ts"
import { beginScript, markScript, putScript, rollScript, topScript, vouchScript } from "./rankingScripts.ts"

export const redisRankingLayer = (options: RankingOptions): Layer.Layer<Ranking> =>
  Layer.effect(
    Ranking,
    Effect.map(openRedis(options), (connection) => rankingOn(connection, options)),
  )

/** Older than this nothing is answered. */
const mostAgeMillis = 60_000
const hourMillis = 3_600_000

type Sales = Ranked["sales"]

const rankingOn = (connection: Connection, options: RankingOptions): RankingShape => {
  const { days = defaultRankingDays, prefix = defaultPrefix, timeoutMillis = defaultTimeoutMillis } = options
  const guarantees: RankingGuarantees = { name: "redis", scope: "many machines", timeoutMillis, days, mostAgeMillis }
  const longest = Math.max(...days)
  const tag = `{${prefix}rank}:`
  const [m, o, f] = [`${tag}m`, `${tag}o`, `${tag}f`]
  const bucket = (hour: number): string => `${tag}b:${hour}`
  const window = (each: number): string => `${tag}w:${each}`
  // A day longer than a bucket is needed: what a feeder leaves behind that never comes back goes by itself.
  const keepMillis = String((longest + 1) * 24 * hourMillis)
  // The longest last: its bucket is wanted by no other then.
  const sorted = days.toSorted((left, right) => left - right)

  const stepOf = ({ feeder, number, after }: FeederStep) => [feeder, String(number), String(after)]
  const stepped = (
    script: Parameters<Connection["run"]>[0],
    keys: Parameters<Connection["run"]>[1],
    step: FeederStep,
    args: ReadonlyArray<string | number>,
  ): Effect.Effect<boolean, CacheFault> =>
    Effect.map(connection.run(script, keys, [...stepOf(step), ...args.map(String)]), (taken) => Number(taken) === 1)

  return {
    guarantees,
    isLeftAlone: connection.isLeftAlone,
    begin: (feeder, untilHour) => {
      const hours = Array.from({ length: 24 * longest }, (_, n) => bucket(untilHour - 1 - n))
      const keys = [m, o, f, ...sorted.map(window), ...hours] as const
      return Effect.asVoid(
        connection.run(beginScript, keys, [feeder, String(untilHour), keepMillis, ...sorted.map(String)]),
      )
    },
    put: (step, hour, sales) =>
      stepped(putScript, [m, bucket(hour), ...sorted.map(window)], step, [
        ...[hour, keepMillis, sorted.length, ...sorted],
        ...sales.flatMap(({ productId, sold }) => [productId, sold]),
      ]),
    roll: (step, untilHour) => {
      const leaving = sorted.map((each) => ({ each, hour: untilHour - 1 - 24 * each }))
      return stepped(rollScript, [m, ...leaving.flatMap(({ each, hour }) => [window(each), bucket(hour)])], step, [
        untilHour,
        keepMillis,
        sorted.length,
        ...leaving.flatMap(({ each, hour }) => [each, hour]),
      ])
    },
    mark: (step) => stepped(markScript, [m, o], step, [mostAgeMillis]),
    vouch: (step) => stepped(vouchScript, [m, o, f], step, []),
    top: ({ fromHour, untilHour }, limit) => {
      const each = (untilHour - fromHour) / 24
      if (!days.includes(each)) return Effect.succeed(undefined)
      const args = [untilHour, each, limit].map(String)
      return Effect.flatMap(connection.run(topScript, [m, f, window(each)], args), rankedOf)
    },
    clear: Effect.asVoid(connection.command(m, ["DEL", m])),
  }
}

const rankedOf = (answer: unknown): Effect.Effect<Ranked | undefined, CacheFault> => {
  if (!Array.isArray(answer))
    return Effect.fail({ _tag: "CacheFault", reason: "Redis answered what its script does not." })
  const [left, ...found]: ReadonlyArray<unknown> = answer
  const ageMillis = mostAgeMillis - Number(left)
  // A word that is good for longer than any was given: as after a failover to a clock that is behind.
  if (left === undefined || !(ageMillis >= 0 && ageMillis < mostAgeMillis)) return Effect.succeed(undefined)
  const sales = found.flatMap((productId, at) =>
    // biome-ignore lint/plugin/casts: the ids and units that were put under this very prefix
    at % 2 === 0 ? [{ productId: String(productId), sold: -Number(found[at + 1]) } as Sales[number]] : [],
  )
  return Effect.succeed({ sales, ageMillis })
}
