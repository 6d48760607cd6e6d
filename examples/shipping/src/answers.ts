/**
 * The shop's side: what is done about a verdict. An order that was declined is cancelled, which gives back its points, its
 * coupon and its units together; one that was shipped is completed, and can no longer be cancelled.
 *
 * **Inbox.** The shop itself: the key of a call names what it does once. Whoever dies after the call and before the offset makes
 * it again, and gets the same answer.
 *
 * **Outbox.** The shop's own. `orders.cancelled` goes out in the commit that cancels.
 */
import type { KafkaSubscription, KafkaTransport } from "@holdfast/adapters/kafka"
import { isHoldfastError, type Shop } from "@holdfast/core"
import type { At, Topics, Verdict } from "./topics.ts"

export interface AnswersOptions {
  readonly kafka: KafkaTransport
  readonly topics: Topics
  readonly shop: Shop
  readonly at?: At
  /** Told of a verdict that came too late or is about nothing: a person has to look, for asking again changes nothing. */
  readonly onRefused?: (said: Verdict, code: string) => void
}

/** Refusals that no repeat changes. Whoever throws over one is handed the same record for ever, and all behind it wait. */
const final: ReadonlySet<string> = new Set(["ORDER_NOT_FOUND", "ORDER_ALREADY_COMPLETED", "ORDER_ALREADY_CANCELLED"])

export const startAnswers = (options: AnswersOptions): Promise<KafkaSubscription> => {
  const { kafka, topics, shop, at = () => {}, onRefused = warn } = options
  return kafka.subscribe(
    { topic: topics.verdicts, group: `${topics.verdicts}.answers`, maxSlice: 10, onTrouble: () => {} },
    async ({ records }) => {
      for (const { value } of records) {
        if (value === undefined) continue
        const said: Verdict = JSON.parse(Buffer.from(value).toString())
        at("the answer is about to be given")
        await answer(shop, said).catch((error) => {
          if (!isHoldfastError(error) || !final.has(error.code)) throw error
          onRefused(said, error.code)
        })
        at("the answer is given")
      }
    },
  )
}

const warn = ({ orderId, verdict }: Verdict, code: string): void =>
  process.emitWarning(`The order ${orderId} is ${verdict}, and the shop says ${code}.`)

const answer = async (shop: Shop, { orderId, accountId, verdict }: Verdict): Promise<void> => {
  if (verdict === "shipped") await shop.orders.complete({ orderId, key: `shipped-${orderId}` })
  else await shop.orders.cancel({ orderId, accountId, restock: true, key: `declined-${orderId}` })
}
