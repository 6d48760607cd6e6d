/**
 * What a log of coupon requests promises beyond its signature, as `requestConformance` tries it.
 */
import type { KitLaw } from "../kit/KitReport.ts"

export const requestLaws: ReadonlyArray<KitLaw> = [
  {
    id: "REQ-01",
    title: "Every accepted request is decided exactly once, and its answer never changes",
    why: "Who was told that a claim is stored asks for what became of it, and acts on the answer.",
    sometimes: ["a slice came again", "the limit was raised"],
  },
  {
    id: "REQ-02",
    title: "The tickets of a campaign follow the order of its log",
    why: "First come, first served is the order in which claims were accepted.",
    sometimes: ["issued"],
  },
  {
    id: "REQ-03",
    title: "A request is judged by the window as it was when the request was accepted",
    why: "A queue must turn nobody away who came in time, and let nobody in who came too late.",
    sometimes: ["issued", "outside of the window"],
  },
  {
    id: "REQ-04",
    title: "That the log is full is said before anything is stored",
    why: "Who is told to come back later must not get a coupon for it, and a second one for coming back.",
    sometimes: ["full"],
  },
]
