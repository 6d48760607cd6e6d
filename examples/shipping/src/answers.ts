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
import type { Shop } from "@holdfast/core"
import type { At, Topics, Verdict } from "./topics.ts"

export interface AnswersOptions {
  readonly kafka: KafkaTransport
  readonly topics: Topics
  readonly shop: Shop
  readonly at?: At
}

export const startAnswers = ({ kafka, topics, shop, at = () => {} }: AnswersOptions): Promise<KafkaSubscription> =>
  kafka.subscribe(
    { topic: topics.verdicts, group: `${topics.verdicts}.answers`, maxSlice: 10, onTrouble: () => {} },
    async ({ records }) => {
      for (const { value } of records) {
        if (value === undefined) continue
        const said: Verdict = JSON.parse(Buffer.from(value).toString())
        at("the answer is about to be given")
        await answer(shop, said)
        at("the answer is given")
      }
    },
  )

const answer = async (shop: Shop, { orderId, accountId, verdict }: Verdict): Promise<void> => {
  if (verdict === "shipped") await shop.orders.complete({ orderId, key: `shipped-${orderId}` })
  else await shop.orders.cancel({ orderId, accountId, restock: true, key: `declined-${orderId}` })
}
