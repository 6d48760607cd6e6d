/**
 * The reference of a transport, in memory: logs of partitions, groups with one offset a partition, and members that share
 * the partitions of a topic. What it holds is gone with the process.
 *
 * A group is one for each topic here, and one over all topics of its members on a broker; and a slice that is not handled holds
 * up its own partition only.
 */
import { Options } from "@holdfast/core"
import { oneByOne } from "./oneByOne.ts"
import { untilHandled } from "./retrying.ts"
import { type HandleSlice, KafkaFault, type KafkaReceived, type KafkaTransport, type SubscribeTo } from "./Transport.ts"

export interface MemoryKafkaOptions {
  /** The largest record that it takes, in bytes of its value. 1,048,576. */
  readonly maxRecordBytes?: number | undefined
}

const checks: Options.Checks<MemoryKafkaOptions> = { maxRecordBytes: Options.wholeNumber(1, Number.MAX_SAFE_INTEGER) }

interface Member {
  readonly to: SubscribeTo
  readonly handle: HandleSlice
  readonly closing: AbortController
  /** Of the partitions that it serves at the moment. */
  readonly serving: Map<number, { readonly lost: AbortController; readonly ended: Promise<void> }>
}

type Log = Array<KafkaReceived>

/** A transport in this process. Everything that is opened on it shares its topics. */
export const memoryKafka = (options: MemoryKafkaOptions = {}): KafkaTransport => {
  Options.check(options, checks)
  const { maxRecordBytes = 1_048_576 } = options
  const topics = new Map<string, ReadonlyArray<Log>>()
  const committed = new Map<string, number>()
  const groups = new Map<string, Set<Member>>()
  /** Woken when a log has grown, and when a member leaves a partition. */
  const waiting = new Set<() => void>()
  const inTurn = oneByOne()

  const wakeAll = () => {
    const woken = Array.from(waiting)
    waiting.clear()
    for (const wake of woken) wake()
  }
  const logsOf = (topic: string): ReadonlyArray<Log> => {
    const logs = topics.get(topic)
    if (logs === undefined) throw new KafkaFault(false, new Error(`There is no topic ${topic}.`))
    return logs
  }
  const at = ({ group, topic }: { group: string; topic: string }, partition: number) => `${group}/${topic}/${partition}`

  const serve = async (member: Member, partition: number, log: Log, lost: AbortSignal): Promise<void> => {
    const { to, handle, closing } = member
    const signal = AbortSignal.any([closing.signal, lost])
    while (!signal.aborted) {
      const from = committed.get(at(to, partition)) ?? 0
      const records = log.slice(from, from + to.maxSlice)
      if (records.length === 0) {
        await new Promise<void>((resolve) => waiting.add(resolve))
        continue
      }
      const handled = await untilHandled({ topic: to.topic, partition, records }, handle, signal, to.onTrouble)
      if (handled && !signal.aborted) committed.set(at(to, partition), from + records.length)
    }
  }

  /** Shares the partitions of a topic among the members of a group. */
  const rebalance = (members: Set<Member>, topic: string): void => {
    const all = Array.from(members)
    for (const [partition, log] of logsOf(topic).entries()) {
      const owner = all[partition % Math.max(1, all.length)]
      const leaving: Array<Promise<void>> = []
      for (const member of all) {
        const serving = member.serving.get(partition)
        if (member === owner || serving === undefined) continue
        serving.lost.abort()
        wakeAll()
        member.serving.delete(partition)
        leaving.push(serving.ended)
      }
      if (owner === undefined || owner.serving.has(partition)) continue
      const lost = new AbortController()
      const ended = Promise.all(leaving).then(() => serve(owner, partition, log, lost.signal))
      owner.serving.set(partition, { lost, ended })
    }
  }

  const leave = async (member: Member, members: Set<Member>): Promise<void> => {
    member.closing.abort()
    wakeAll()
    members.delete(member)
    await Promise.all(Array.from(member.serving.values(), ({ ended }) => ended))
    rebalance(members, member.to.topic)
  }

  return {
    name: "in memory",
    publish: (topic, records) =>
      inTurn(async () => {
        const logs = logsOf(topic)
        if (records.some(({ value }) => value.byteLength > maxRecordBytes)) {
          throw new KafkaFault(true, new Error(`A record has more than ${maxRecordBytes} bytes.`))
        }
        const places = records.map(({ partition, key, value, headers }) => {
          const log = logs[partition]
          if (log === undefined) throw new KafkaFault(false, new Error(`There is no partition ${partition}.`))
          const offset = BigInt(log.length)
          log.push({ offset, key, value, headers })
          return { partition, offset }
        })
        wakeAll()
        return places
      }),
    subscribe: async (to, handle) => {
      logsOf(to.topic)
      const group = `${to.group}/${to.topic}`
      const members = groups.get(group) ?? new Set<Member>()
      groups.set(group, members)
      const member: Member = { to, handle, closing: new AbortController(), serving: new Map() }
      members.add(member)
      rebalance(members, to.topic)
      return { close: () => leave(member, members) }
    },
    partitions: async (topic) => topics.get(topic)?.length,
    topicId: async (topic) => (topics.has(topic) ? `${topic}-in-memory` : undefined),
    lag: async (group, topic) =>
      new Map(
        logsOf(topic).map((log, partition) => [
          partition,
          BigInt(log.length - (committed.get(at({ group, topic }, partition)) ?? 0)),
        ]),
      ),
    ensureTopics: async (specs) => {
      for (const { topic, partitions } of specs) {
        if (!topics.has(topic))
          topics.set(
            topic,
            Array.from({ length: partitions }, (): Log => []),
          )
      }
    },
    close: () => Promise.resolve(),
  }
}
