/**
 * People who buy one unit each time, and do not give up: who hears nothing, or that the shop is unavailable, asks another
 * process with the same key, until the order is answered.
 */
import { randomUUID } from "node:crypto"

export interface Traffic {
  /** Orders that were answered, by key. */
  readonly answered: ReadonlyMap<string, string>
  /** Begins a step: gaps and wrong answers count from here. */
  readonly begin: () => void
  /** The longest time without a sale since the step began, and answers that no caller should get. */
  readonly end: () => { readonly longestGapMillis: number; readonly wrongAnswers: number }
  /** Resolves when so many more orders were answered. */
  readonly sells: (more: number) => Promise<void>
  /** Resolves when nothing has been sold for so long. */
  readonly stalls: (millis: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** What says "again, with the same key": everything but an answer. */
const isAgain = (status: number): boolean => status === 503 || status === 499 || status === 408

const pauseMillis = 50
const answerMillis = 5_000
/** How often a shopper looks whether enough was sold. */
const lookMillis = 50

export const startTraffic = (urls: ReadonlyArray<string>, shoppers: number): Traffic => {
  const answered = new Map<string, string>()
  let isOver = false
  let lastSale = performance.now()
  let longest = 0
  let wrong = 0
  const sale = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - lastSale)
    lastSale = now
  }
  const buy = async (userId: number, first: number): Promise<void> => {
    const key = randomUUID()
    for (let attempt = first; ; attempt++) {
      const url = urls[attempt % urls.length] ?? ""
      const response = await fetch(`${url}/api/v1/orders`, {
        method: "POST",
        body: JSON.stringify({ userId, orderItems: [{ productId: 1, quantity: 1 }] }),
        headers: { "content-type": "application/json", "idempotency-key": `"${key}"` },
        signal: AbortSignal.timeout(answerMillis),
      })
        .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
        .catch(() => undefined)
      if (response?.status === 200) {
        const { orderId } = JSON.parse(response.text) as { readonly orderId: string }
        answered.set(key, orderId)
        return sale()
      }
      if (response !== undefined && !isAgain(response.status)) {
        wrong++
        return
      }
      await new Promise((again) => setTimeout(again, pauseMillis))
    }
  }
  const shop = async (userId: number): Promise<void> => {
    for (let n = userId; !isOver; n++) await buy(userId, n)
  }
  const all = Promise.all(Array.from({ length: shoppers }, (_, index) => shop(index + 1)))
  return {
    answered,
    begin: () => {
      lastSale = performance.now()
      longest = 0
      wrong = 0
    },
    end: () => {
      // A gap that has not ended yet is one too.
      longest = Math.max(longest, performance.now() - lastSale)
      return { longestGapMillis: Math.round(longest), wrongAnswers: wrong }
    },
    sells: async (more) => {
      const enough = answered.size + more
      while (answered.size < enough) await new Promise((look) => setTimeout(look, lookMillis))
    },
    stalls: async (millis) => {
      while (performance.now() - lastSale < millis) await new Promise((look) => setTimeout(look, lookMillis))
    },
    stop: async () => {
      isOver = true
      await all
    },
  }
}
