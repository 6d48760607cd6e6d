/**
 * Whoever listens to the bus: counts the units sold of each product from the events of orders.
 *
 * It keeps to what the documentation asks of consumers: it recognises repeats by the event's id.
 */
import type { Event } from "../../events/Event.ts"

export class Consumer {
  /** Units by product. */
  readonly counted = new Map<string, number>()
  readonly #seen = new Set<string>()
  readonly #lines = new Map<string, unknown>()
  readonly #recognises: boolean

  /** `recognises` false makes the mistake that this consumer is there to avoid. */
  constructor(recognises: boolean) {
    this.#recognises = recognises
  }

  has(eventId: string): boolean {
    return this.#seen.has(eventId)
  }

  hear(event: Event): void {
    const repeated = this.#seen.has(event.id)
    this.#seen.add(event.id)
    if (repeated && this.#recognises) return
    const orderId = String(event.data.orderId)
    if (event.type === "orders.placed") {
      this.#lines.set(orderId, event.data.lines)
      this.#add(event.data.lines, 1)
    } else if (event.type === "orders.cancelled") this.#add(this.#lines.get(orderId), -1)
  }

  #add(lines: unknown, sign: 1 | -1): void {
    for (const line of Array.isArray(lines) ? lines : []) {
      const { productId, quantity }: { readonly productId: string; readonly quantity: number } = line
      this.counted.set(productId, (this.counted.get(productId) ?? 0) + sign * quantity)
    }
  }
}
