/**
 * Sends the requests of a scenario at its rates, and keeps what came of them second by second.
 *
 * The rate is kept whatever the answers do, as far as there are connections; what was sent late for want of one counts from when
 * it should have been sent (autocannon corrects for that). So a slow server looks slow, and not merely less busy.
 */
import { randomUUID } from "node:crypto"
import autocannon from "autocannon"
import type { Journeys, Step } from "./scenarios.ts"

/** Answers by what they mean: carried out, a business no, a request of ours that was wrong, a failure. */
interface Counts {
  ok: number
  refused: number
  wrong: number
  failed: number
}

interface Second extends Counts {
  /** Since the beginning. */
  readonly at: number
  readonly millis: Array<number>
}

interface StageOutcome {
  readonly ratePerSecond: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Driven {
  readonly seconds: ReadonlyArray<Second>
  readonly stages: ReadonlyArray<StageOutcome>
  readonly counts: Counts
  /** Requests of the kind that was asked about which were answered 200. */
  readonly ordered: number
}

export interface DriveOptions {
  readonly url: string
  readonly ratePerSecond: number
  readonly seconds: number
  readonly connections: number
  readonly progress: (text: string) => void
  /** Which requests to count when they are answered 200. */
  readonly counts: (step: Step) => boolean
}

/** Statuses that say a business no: out of stock, sold out, issued already. */
const refusals: ReadonlySet<number> = new Set([409, 422])

const timeoutSeconds = 15

export const drive = async ({ step, stages }: Journeys, options: DriveOptions): Promise<Driven> => {
  const seconds: Array<Second> = []
  const counts: Counts = { ok: 0, refused: 0, wrong: 0, failed: 0 }
  const outcomes: Array<StageOutcome> = []
  let next = 0
  let ordered = 0
  const began = performance.now()
  const secondNow = (): Second => {
    const at = Math.floor((performance.now() - began) / 1_000)
    const found = seconds.at(-1)
    if (found?.at === at) return found
    const fresh: Second = { at, millis: [], ok: 0, refused: 0, wrong: 0, failed: 0 }
    seconds.push(fresh)
    return fresh
  }
  for (const stage of stages) {
    const ratePerSecond = Math.max(1, Math.round(options.ratePerSecond * stage.rate))
    const duration = Math.max(1, Math.round(options.seconds * stage.seconds))
    options.progress(`${ratePerSecond} requests a second for ${duration} s`)
    const running = autocannon({
      url: options.url,
      // A client sends one request after the other: too few of them would be a closed loop.
      connections: Math.min(options.connections, ratePerSecond),
      duration,
      overallRate: ratePerSecond,
      timeout: timeoutSeconds,
      requests: [
        {
          setupRequest: (request, context) => {
            const now = step(next++)
            context.step = now
            const { method, path, body } = now
            return {
              ...request,
              method,
              path: `/api/v1${path}`,
              ...(body !== undefined && {
                body: JSON.stringify(body),
                headers: { "content-type": "application/json", "idempotency-key": `"${randomUUID()}"` },
              }),
            }
          },
          onResponse: (status, _body, context) => {
            if (status === 200 && context.step !== undefined && options.counts(context.step as Step)) ordered++
          },
        },
      ],
    })
    running.on("response", (_, status, _bytes, millis) => {
      const second = secondNow()
      const kind = status < 400 ? "ok" : refusals.has(status) ? "refused" : status < 500 ? "wrong" : "failed"
      second[kind]++
      counts[kind]++
      second.millis.push(millis)
    })
    const { latency, errors, timeouts } = await running
    counts.failed += errors + timeouts
    secondNow().failed += errors + timeouts
    outcomes.push({ ratePerSecond, seconds: duration, p50: latency.p50, p99: latency.p99, max: latency.max })
  }
  return { seconds, stages: outcomes, counts, ordered }
}
