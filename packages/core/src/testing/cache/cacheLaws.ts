/**
 * The laws of the `SharedCache` port, and of the reads that are kept in it.
 */
import type { KitLaw } from "../kit/KitReport.ts"

export const cacheLaws: ReadonlyArray<KitLaw> = [
  {
    id: "CACHE-01",
    title: "No answer is older than the age that its caller allowed",
    why: "Whoever says how old an answer may be relies on it, and whoever says nothing gets the exact one.",
    sometimes: ["a value was taken from the shared cache", "a kept answer had been overtaken", "a value ran out"],
  },
  {
    id: "CACHE-02",
    title: "A refusal never comes from the cache, nor is one kept",
    why: "A product that is registered now must not stay unknown because somebody asked for it a moment ago.",
    sometimes: ["a refusal was answered", "something was there again after a refusal"],
  },
  {
    id: "CACHE-03",
    title: "A caller reads its own process's change after it was answered",
    why: "An operator who has changed a price looks at the page next.",
    sometimes: ["a change was read by its own process"],
  },
  {
    id: "CACHE-04",
    title: "One asker at a time reads the store for a key, and a lease whose holder died frees it",
    why: "A list that runs out under load must not be read by everybody at once, nor by nobody for ever.",
    sometimes: ["a lease was awaited", "a lease ran out"],
  },
  {
    id: "CACHE-05",
    title: "What `forget` ended does not come back",
    why: "A read that began before a change ends after it, and would put the old price back.",
    sometimes: ["a put was refused"],
  },
  {
    id: "CACHE-06",
    title: "Callers never see a fault of the cache, and it costs them its time-out at most",
    why: "What is there for speed alone must not take a shop down.",
    sometimes: ["the cache failed during a read"],
  },
]
