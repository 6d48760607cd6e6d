/**
 * One feeder fills a ranking, with repeats and detours, while a plain table says what it must answer. Then what a feeder may
 * find out of its ranking: that another one has followed it, or that something is lost.
 */
import { Effect } from "effect"
import type { ProductSales, SalesWindow } from "../../popularity/SalesBucket.ts"
import type { CacheFault, FeederStep, RankingShape } from "../../ports/index.ts"
import { compareBytes, ProductId, Quantity } from "../../values.ts"
import type { KitBook } from "../kit/KitReport.ts"
import { monotonic } from "../kit/monotonic.ts"
import type { Draws } from "../sim/draws.ts"

/** Ids that are in another order by bytes than by UTF-16, or mean something to a server. */
const productIds = ["a", "b", "b:1", "B", "{tag}", "가격", "\u{1f455}", "\uff5e", "10", "9"].map((id) =>
  ProductId.make(id),
)
/** More products than a page of most servers, in hours of their own. */
const manyIds = Array.from({ length: 300 }, (_, index) => ProductId.make(`many ${index}`))
const large = 3_000_000_000
/** How long a moment is marked before its word is given, and how much a clock may be off by: it counts whole milliseconds. */
const markedMillis = 30
const clockStepMillis = 2
/** By how much an answer may be said to be older than it is: that costs no more than speed. */
const patienceMillis = 2_000
const rounds = 40
const most = 1_000

export const rankingTrial = (ranking: RankingShape, name: string, draws: Draws, book: KitBook) =>
  Effect.gen(function* () {
    const model = new Model(ranking, draws.between(400_000, 500_000), draws, book)
    yield* model.begin(`${name} first`)
    yield* model.isSilent("before anybody had vouched for it")
    book.saw("nobody had vouched for it")
    for (let round = 0; round < rounds; round++) {
      yield* model.change
      if (draws.chance(0.3)) yield* model.compare
    }
    yield* model.compare
    yield* model.large
    yield* model.otherWindows
    yield* model.ages
    yield* model.unmarked(`${name} unmarked`)
    yield* model.followed(`${name} second`)
    yield* model.loses(`${name} third`)
    yield* model.emptied(`${name} fourth`)
  })

class Model {
  readonly #ranking: RankingShape
  readonly #draws: Draws
  readonly #book: KitBook
  readonly #hours = new Map<number, Map<ProductId, number>>()
  #feeder = ""
  #number = 0
  #taken = 0
  #until: number

  constructor(ranking: RankingShape, until: number, draws: Draws, book: KitBook) {
    this.#ranking = ranking
    this.#until = until
    this.#draws = draws
    this.#book = book
  }

  begin(feeder: string): Effect.Effect<void, CacheFault> {
    this.#feeder = feeder
    this.#number = 0
    this.#taken = 0
    this.#hours.clear()
    return this.#ranking.begin(feeder, this.#until)
  }

  get #next(): FeederStep {
    return { feeder: this.#feeder, number: ++this.#number, after: this.#taken }
  }

  #step = Effect.fnUntraced(
    { self: this },
    function* (what: string, run: (step: FeederStep) => Effect.Effect<boolean, CacheFault>) {
      const step = this.#next
      if (!(yield* run(step))) this.#book.broken("RANK-01", `${what} of the only feeder was refused.`)
      this.#taken = step.number
    },
  )

  /** Something is sold or given back, is put twice, in another order or in vain; or an hour ends. */
  get change(): Effect.Effect<void, CacheFault> {
    return Effect.gen({ self: this }, function* () {
      const draws = this.#draws
      if (draws.chance(0.15)) {
        this.#until++
        const until = this.#until
        yield* this.#step("A roll", (step) => this.#ranking.roll(step, until))
        if (draws.chance(0.3)) yield* this.#step("A repeated roll", (step) => this.#ranking.roll(step, until))
        this.#book.saw("an hour left the window")
      }
      const hour = this.#until - 1 - (draws.chance(0.5) ? 0 : draws.below(24 * (this.#longest + 1)))
      const bucket = this.#hours.get(hour) ?? new Map<ProductId, number>()
      this.#hours.set(hour, bucket)
      const sales = productIds
        .filter(() => draws.chance(0.4))
        .map((productId): ProductSales => {
          const sold = draws.below(4)
          if (sold < (bucket.get(productId) ?? 0)) this.#book.saw("units were taken back")
          bucket.set(productId, sold)
          return { productId, sold: Quantity.make(sold) }
        })
      yield* this.#step("A put", (step) => this.#ranking.put(step, hour, sales))
      if (draws.chance(0.4)) {
        // As after a reply that was lost: the same again, under a greater number and behind the same one.
        yield* this.#step("A repeated put", (step) => this.#ranking.put(step, hour, sales.toReversed()))
        this.#book.saw("a put was repeated")
      }
    })
  }

  get #longest(): number {
    return Math.max(...this.#ranking.guarantees.days)
  }

  #vouch = Effect.gen({ self: this }, function* () {
    yield* this.#step("A mark", this.#ranking.mark)
    yield* this.#step("A word", this.#ranking.vouch)
  })

  get compare(): Effect.Effect<void, CacheFault> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#vouch
      for (const days of this.#ranking.guarantees.days) {
        const window = { fromHour: this.#until - 24 * days, untilHour: this.#until }
        const limit = this.#draws.chance(0.5) ? this.#draws.between(1, productIds.length) : most
        const ranked = yield* this.#ranking.top(window, limit)
        const expected = this.#addedUp(window).slice(0, limit)
        if (ranked === undefined) {
          this.#book.broken("RANK-01", "A whole ranking answered nothing.")
        } else if (JSON.stringify(ranked.sales) !== JSON.stringify(expected)) {
          const found = `${JSON.stringify(ranked.sales)} was answered where it is ${JSON.stringify(expected)}.`
          this.#book.broken("RANK-01", found)
        }
        if (expected.some(({ sold }, at) => sold === expected[at + 1]?.sold)) this.#book.saw("products were tied")
      }
    })
  }

  #addedUp({ fromHour, untilHour }: SalesWindow): ReadonlyArray<ProductSales> {
    const sums = new Map<ProductId, number>()
    for (const [hour, bucket] of this.#hours) {
      if (hour < fromHour || hour >= untilHour) continue
      for (const [productId, sold] of bucket) sums.set(productId, (sums.get(productId) ?? 0) + sold)
    }
    return Array.from(sums, ([productId, sold]) => ({ productId, sold: Quantity.make(sold) }))
      .filter(({ sold }) => sold > 0)
      .sort((left, right) => right.sold - left.sold || compareBytes(left.productId, right.productId))
  }

  isSilent = Effect.fnUntraced({ self: this }, function* (when: string) {
    for (const days of this.#ranking.guarantees.days) {
      const window = { fromHour: this.#until - 24 * days, untilHour: this.#until }
      if ((yield* this.#ranking.top(window, most)) !== undefined)
        this.#book.broken("RANK-02", `A list was answered ${when}.`)
    }
  })

  /** Many products with more units than 32 bits have room for, whose sums differ by one or not at all. */
  get large(): Effect.Effect<void, CacheFault> {
    return Effect.gen({ self: this }, function* () {
      const hour = this.#until - 1
      const bucket = this.#hours.get(hour) ?? new Map<ProductId, number>()
      this.#hours.set(hour, bucket)
      const sales = manyIds.map((productId, index) => ({ productId, sold: Quantity.make(large + (index % 50)) }))
      for (const { productId, sold } of sales) bucket.set(productId, sold)
      yield* this.#step("A put of many products", (step) => this.#ranking.put(step, hour, sales))
      yield* this.compare
    })
  }

  /** An answer is as old as the moment that was marked before the word, however late that was given. */
  get ages(): Effect.Effect<void, CacheFault> {
    return Effect.gen({ self: this }, function* () {
      const window = { fromHour: this.#until - 24 * this.#longest, untilHour: this.#until }
      const beforeMark = yield* monotonic
      yield* this.#step("A mark", this.#ranking.mark)
      const marked = yield* monotonic
      yield* Effect.sleep(markedMillis)
      yield* this.#step("A word", this.#ranking.vouch)
      for (const waitMillis of [0, markedMillis]) {
        yield* Effect.sleep(waitMillis)
        const askedAt = yield* monotonic
        const ranked = yield* this.#ranking.top(window, most)
        const answeredAt = yield* monotonic
        if (ranked === undefined) return this.#book.broken("RANK-01", "A whole ranking answered nothing.")
        const [least, highest] = [askedAt - marked - clockStepMillis, answeredAt - beforeMark + patienceMillis]
        if (!(ranked.ageMillis >= least && ranked.ageMillis <= highest)) {
          const found = `An answer was said to be ${ranked.ageMillis} ms old`
          this.#book.broken(
            "RANK-03",
            `${found}, whose moment was ${Math.round(least)} to ${Math.round(highest)} ms ago.`,
          )
        }
        if (ranked.ageMillis >= this.#ranking.guarantees.mostAgeMillis)
          this.#book.broken("RANK-03", "An answer was older than the ranking says that it answers.")
      }
      this.#book.saw("a word was given later than its moment was marked")
      // A feeder begins again after it.
      if (yield* this.#ranking.put(this.#next, this.#until, [sale("a", 1)]))
        this.#book.broken("RANK-02", "A put was taken of an hour after the end of the windows.")
    })
  }

  /** Windows that are not kept, or have not come yet. */
  get otherWindows(): Effect.Effect<void, CacheFault> {
    return Effect.gen({ self: this }, function* () {
      const untilHour = this.#until
      for (const window of [
        { fromHour: untilHour - 24 * 40, untilHour },
        { fromHour: untilHour + 1 - 24 * this.#longest, untilHour: untilHour + 1 },
        { fromHour: untilHour - 24 * this.#longest + 1, untilHour },
      ]) {
        if ((yield* this.#ranking.top(window, most)) !== undefined)
          this.#book.broken("RANK-02", "A list was answered of a window that is not kept.")
      }
    })
  }

  /** A word needs a moment to stand for. */
  unmarked = Effect.fnUntraced({ self: this }, function* (feeder: string) {
    yield* this.begin(feeder)
    yield* this.change
    yield* this.#ranking.vouch(this.#next)
    yield* this.isSilent("for which no moment had been marked")
    this.#book.saw("a word had no moment to stand for")
  })

  followed = Effect.fnUntraced({ self: this }, function* (feeder: string) {
    yield* this.begin(`${feeder} before`)
    yield* this.change
    yield* this.#vouch
    const late = this.#next
    yield* this.begin(feeder)
    yield* this.isSilent("after another feeder had begun")
    yield* this.#step("A put", (step) => this.#ranking.put(step, this.#until - 1, [sale("a", 1)]))
    const of = (number: number): FeederStep => ({ ...late, number })
    const steps = {
      put: this.#ranking.put(of(1_000), this.#until - 1, [sale("a", 7)]),
      mark: this.#ranking.mark(of(1_001)),
      word: this.#ranking.vouch(of(1_002)),
      roll: this.#ranking.roll(of(1_003), this.#until + 1),
    }
    for (const [what, step] of Object.entries(steps)) {
      if (yield* step)
        this.#book.broken("RANK-02", `The ${what} of a feeder that had been followed by another was taken.`)
    }
    yield* this.isSilent("for which another feeder had given its word")
    this.#hours.set(this.#until - 1, new Map([[ProductId.make("a"), 1]]))
    yield* this.compare
    this.#book.saw("a feeder was followed by another")
  })

  loses = Effect.fnUntraced({ self: this }, function* (feeder: string) {
    yield* this.begin(feeder)
    yield* this.change
    yield* this.#vouch
    // A failover: the ranking does not know of steps that it had taken.
    const after = this.#number + 3
    const steps = {
      put: this.#ranking.put({ feeder, number: after + 1, after }, this.#until - 1, [sale("a", 1)]),
      mark: this.#ranking.mark({ feeder, number: after + 2, after }),
      word: this.#ranking.vouch({ feeder, number: after + 3, after }),
      roll: this.#ranking.roll({ feeder, number: after + 4, after }, this.#until + 1),
    }
    for (const [what, step] of Object.entries(steps)) {
      if (yield* step) this.#book.broken("RANK-02", `A ${what} was taken behind a step that had been lost.`)
    }
    this.#book.saw("a step had been lost")
    const earlier = { feeder, number: 1, after: 0 }
    if (yield* this.#ranking.put(earlier, this.#until - 1, [sale("a", 9)]))
      this.#book.broken("RANK-02", "A put was taken that came after a later one.")
  })

  emptied = Effect.fnUntraced({ self: this }, function* (feeder: string) {
    yield* this.begin(feeder)
    yield* this.change
    yield* this.compare
    yield* this.#ranking.clear
    yield* this.isSilent("after it had been emptied")
    if (yield* this.#ranking.put(this.#next, this.#until - 1, [sale("a", 1)]))
      this.#book.broken("RANK-02", "A put was taken by an empty ranking, which nobody had begun to fill.")
    yield* this.isSilent("after it had been emptied and put to")
    this.#book.saw("it was emptied")
  })
}

const sale = (id: string, sold: number): ProductSales => ({ productId: ProductId.make(id), sold: Quantity.make(sold) })
