/**
 * The events that somebody still waits for, each under its position: 1, 2, 3 … in the order of their commits.
 *
 * Positions are never given twice. What is trimmed is given back to memory in large steps, so that trimming costs
 * nothing that grows with the shop's history.
 */
import type { Event } from "../events/Event.ts"

/** The least number of trimmed events that are worth moving the others for. */
const leastTrimmed = 1_024

export class EventLog {
  #events: Array<Event> = []
  /** The position of the first event in `#events`. */
  #first = 1

  /** The position that the next event will get. */
  get next(): number {
    return this.#first + this.#events.length
  }

  append(event: Event): void {
    this.#events.push(event)
  }

  at(position: number): Event | undefined {
    return this.#events[position - this.#first]
  }

  /** Forgets the events before a position. They may stay in memory until they are half of what is there. */
  trim(position: number): void {
    const trimmed = position - this.#first
    if (trimmed === this.#events.length) this.#events = []
    else if (trimmed >= leastTrimmed && trimmed * 2 >= this.#events.length) this.#events.splice(0, trimmed)
    else return
    this.#first = position
  }
}
