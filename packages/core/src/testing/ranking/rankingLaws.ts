/**
 * The laws of the `Ranking` port.
 */
import type { KitLaw } from "../kit/KitReport.ts"

export const rankingLaws: ReadonlyArray<KitLaw> = [
  {
    id: "RANK-01",
    title: "A whole ranking is what the store would add up, ties included, after any repeat and order of puts",
    why: "A list that is quicker must not be another one.",
    sometimes: ["products were tied", "a put was repeated", "an hour left the window", "units were taken back"],
  },
  {
    id: "RANK-02",
    title: "What is not whole is never answered",
    why: "A ranking that has lost an order, or was filled by two, looks like any other.",
    sometimes: [
      "nobody had vouched for it",
      "a feeder was followed by another",
      "a step had been lost",
      "it was emptied",
      "a word had no moment to stand for",
    ],
  },
  {
    id: "RANK-03",
    title: "An answer is said to be as old as the moment that its feeder marked, and no younger",
    why: "Whoever says how old a list may be is given no older one only where its age is told rightly.",
    sometimes: ["a word was given later than its moment was marked"],
  },
  {
    id: "RANK-04",
    title: "No call takes longer than the ranking allows it",
    why: "What is there for speed alone must not hold a shop up.",
    sometimes: [],
  },
  {
    id: "RANK-05",
    title: "Nothing is answered that is older than the ranking says, counted from the moment that was marked",
    why: "A feeder that has died tells nobody: what it filled has to end by itself.",
    sometimes: ["an answer became too old"],
  },
]
