/**
 * One feeder fills a ranking, with repeats and detours, while a plain table says what it must answer. Then what a feeder may
 * find out of its ranking: that another one has followed it, or that something is lost.
 */
import { Effect } from "effect"
import type { ProductSales, SalesWindow } from "../../popularity/SalesBucket.ts"
import type { CacheFault, FeederStep, RankingShape } from "../../ports/index.ts"
import { compareBytes, ProductId, Quantity } from "../../values.ts"
import type { KitBook } from "../kit/KitReport.ts"
import type { Draws } from "../sim/draws.ts"

/** Ids that are in another order by bytes than by UTF-16, or mean something to a server. */
const productIds = ["a", "b", "b:1", "B", "{tag}", "가격", "\u{1f455}", "\uff5e", "10", "9"].map((id) =>
  ProductId.make(id),
)
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
    yield* model.otherWindows
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
    if (yield* this.#ranking.put({ ...late, number: 1_000 }, this.#until - 1, [sale("a", 7)]))
      this.#book.broken("RANK-02", "A feeder that had been followed by another was let put.")
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
    const isTaken = yield* this.#ranking.put({ feeder, number: after + 1, after }, this.#until - 1, [sale("a", 1)])
    if (isTaken) this.#book.broken("RANK-02", "A put was taken behind one that had been lost.")
    if (yield* this.#ranking.mark({ feeder, number: after + 2, after }))
      this.#book.broken("RANK-02", "A moment was marked where a put had been lost.")
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
