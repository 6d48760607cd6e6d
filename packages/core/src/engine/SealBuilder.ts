/**
 * Builds the seals of campaigns, one after the other, out of the owners that the store lists or another process has listed.
 *
 * Bounded by bytes: the oldest seals make room for new ones, and a campaign whose owners do not fit stays without.
 */
import { Effect, Random } from "effect"
import { filterBytes, OwnerFilter } from "../coupons/OwnerFilter.ts"
import { decodeOwners, encodeSeal, refusalOf, type Seal } from "../coupons/Seal.ts"
import type { CacheFault, Reads, SharedCacheShape, StoreFault } from "../ports/index.ts"
import type { AccountId, CampaignId } from "../values.ts"
import { Signal } from "./Signal.ts"

export const defaultSealBytes = 16 * 1_024 * 1_024

/** The most campaigns that wait for their seals. */
const mostWanted = 1_000
/** Owners that are read at once. */
const pageSize = 10_000
/** How many times longer than it took to build a seal it is not built again. */
const restShare = 4
/** How long another process may take to build a seal for this one too. */
const leaseMillis = 5_000
const askAgainMillis = 50
const mostWaitMillis = 1_000
/** A seal that nobody asks for is of no use after a while. Nothing about it is wrong then. */
const sharedMillis = 3_600_000

export interface SealBuilderContext {
  readonly standing: NonNullable<Reads["standing"]>
  readonly owners: NonNullable<Reads["owners"]>
  readonly cache?: SharedCacheShape | undefined
  readonly sealBytes: number
  readonly now: () => number
  /** Milliseconds of a clock that only runs forward. */
  readonly elapsed: () => number
}

export class SealBuilder {
  /** In the order in which they were built. */
  readonly seals = new Map<CampaignId, Seal>()
  built = 0
  readonly #context: SealBuilderContext
  readonly #wanted = new Set<CampaignId>()
  /** By `elapsed`. */
  readonly #notBefore = new Map<CampaignId, number>()
  readonly #signal = new Signal()
  #bytes = 0
  #saidTooLarge = false

  constructor(context: SealBuilderContext) {
    this.#context = context
  }

  want(campaignId: CampaignId): void {
    if (this.seals.has(campaignId) || this.#wanted.size >= mostWanted) return
    const notBefore = this.#notBefore.get(campaignId)
    if (notBefore !== undefined && this.#context.elapsed() < notBefore) return
    this.#wanted.add(campaignId)
    this.#signal.notify()
  }

  forget(seal: Seal): void {
    if (this.seals.get(seal.campaignId) !== seal) return
    this.seals.delete(seal.campaignId)
    this.#bytes -= seal.owners.bits.length
  }

  forgetAll(): void {
    this.seals.clear()
    this.#bytes = 0
  }

  /** Builds what is wanted, again and again. */
  get serve(): Effect.Effect<never> {
    return Effect.forever(
      Effect.suspend(() => {
        const [campaignId] = this.#wanted
        if (campaignId === undefined) return this.#signal.wait
        const began = this.#context.elapsed()
        return Effect.ensuring(
          // A store that fails or throws here is asked again after the next refusal.
          Effect.exit(this.#build(campaignId)),
          Effect.sync(() => {
            this.#wanted.delete(campaignId)
            this.#restAfter(campaignId, began)
          }),
        )
      }),
    )
  }

  #build = Effect.fnUntraced({ self: this }, function* (campaignId: CampaignId) {
    const { standing, sealBytes, now } = this.#context
    const { campaign, lastCommandId } = yield* standing({ campaignId, accountIds: [], keys: [] })
    // It may issue again by now: then its seal would be void at once.
    if (campaign === undefined || !refusesAt(campaign, now())) return
    const { issued } = campaign
    if (filterBytes(issued) > sealBytes) return yield* this.#sayTooLarge(campaignId)
    const asked = { campaignId, issued, lastCommandId }
    const owners = yield* this.#shared(asked)
    if (owners !== undefined) this.#keep({ ...asked, owners })
  })

  /** The filter of another process, or one of our own that others may have. */
  #shared = Effect.fnUntraced({ self: this }, function* (asked: Omit<Seal, "owners">) {
    const { cache } = this.#context
    if (cache === undefined || asked.lastCommandId === undefined || asked.issued > 0xffff_ffff) {
      return yield* this.#list(asked)
    }
    const key = ["seal", asked.campaignId, asked.issued, asked.lastCommandId] as const
    for (const until = this.#context.elapsed() + mostWaitMillis; ; ) {
      const held = yield* orUndefined(cache.get(key, leaseMillis))
      if (held?._tag === "Value") return decodeOwners(held.bytes, asked) ?? (yield* this.#list(asked))
      if (held?._tag === "Awaited" && this.#context.elapsed() < until) {
        yield* Effect.sleep(askAgainMillis)
        continue
      }
      const owners = yield* this.#list(asked)
      if (owners !== undefined && held?._tag === "Yours") {
        yield* orUndefined(cache.put(key, held.lease, encodeSeal({ ...asked, owners }), sharedMillis))
      }
      return owners
    }
  })

  /** Tickets 1 to n never change, so the pages need not be of one moment. */
  #list = Effect.fnUntraced({ self: this }, function* ({ campaignId, issued }: Omit<Seal, "owners">) {
    const seeds = [yield* seed, yield* seed] as const
    const owners = new OwnerFilter(new Uint8Array(filterBytes(issued)), seeds)
    for (let ticket = 0; ticket < issued; ) {
      const page: ReadonlyArray<AccountId> = yield* this.#context.owners(
        campaignId,
        ticket,
        Math.min(pageSize, issued - ticket),
      )
      // A list that ends too early would leave owners out.
      if (page.length === 0) return undefined
      for (const accountId of page) owners.add(accountId)
      ticket += page.length
    }
    return owners
  })

  #keep(seal: Seal): void {
    for (const oldest of this.seals.values()) {
      if (this.#bytes + seal.owners.bits.length <= this.#context.sealBytes) break
      this.forget(oldest)
    }
    this.seals.set(seal.campaignId, seal)
    this.#bytes += seal.owners.bits.length
    this.built++
  }

  #restAfter(campaignId: CampaignId, began: number): void {
    const now = this.#context.elapsed()
    this.#notBefore.delete(campaignId)
    if (now > began) this.#notBefore.set(campaignId, now + restShare * (now - began))
    for (const oldest of this.#notBefore.keys()) {
      if (this.#notBefore.size <= mostWanted) break
      this.#notBefore.delete(oldest)
    }
  }

  #sayTooLarge(campaignId: CampaignId): Effect.Effect<void> {
    if (this.#saidTooLarge) return Effect.void
    this.#saidTooLarge = true
    return Effect.logWarning(
      `Campaign ${campaignId} has more owners than sealBytes has room for: its claims are all decided by the store`,
    )
  }
}

/** A moment's claim by somebody who owns none. */
const refusesAt = (campaign: Parameters<typeof refusalOf>[0], at: number): boolean =>
  // biome-ignore lint/plugin/casts: no id is empty, and the rule looks at none
  refusalOf(campaign, "" as AccountId, { at, id: "" as Parameters<typeof refusalOf>[2]["id"] }) !== undefined

const seed: Effect.Effect<number> = Effect.map(Random.next, (random) => Math.floor(random * 2 ** 32))

const orUndefined = <A>(call: Effect.Effect<A, CacheFault>): Effect.Effect<A | undefined, StoreFault> =>
  Effect.catchCause(call, () => Effect.succeed(undefined))
