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
    title: "That the log is full is said before anything is stored, and only while it is",
    why: "Who is told to come back later must not get a coupon for it, and a second one for coming back.",
    sometimes: ["full", "taken again"],
  },
  {
    id: "REQ-05",
    title: "A claim is handed out exactly as it was appended",
    why: "Whoever decides it makes the caller's call of it again: with another key or moment it is another call.",
    sometimes: [],
  },
  {
    id: "REQ-06",
    title: "How many requests wait is said within some seconds",
    why: "A shop that stops waits until none does, and what became of a key is open for as long as any may.",
    sometimes: ["requests waited", "nothing waited"],
  },
  {
    id: "REQ-07",
    title: "Every call ends",
    why: "Callers behind one that does not would wait for their deadline, each of them.",
    sometimes: [],
  },
]
