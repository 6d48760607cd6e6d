/**
 * What a bus of events promises beyond its signature, as `busConformance` tries it.
 */

export interface BusLaw {
  /** Stable: `BUS-01`. */
  readonly id: "BUS-01" | "BUS-02" | "BUS-03" | "BUS-04" | "BUS-05"
  readonly title: string
  readonly why: string
  /** What an adapter must bring along to be tested by it. */
  readonly needs?: "crash"
}

export const busLaws: ReadonlyArray<BusLaw> = [
  {
    id: "BUS-01",
    title:
      "Every published event is handled at least once, and the first times of a key come in the order of publication",
    why: "A consumer can forget a repeat, but cannot know what is missing or put right what came too early.",
  },
  {
    id: "BUS-02",
    title: "What publish has acknowledged is there after whatever keeps it was killed",
    why: "The relay forgets an event when it is acknowledged.",
    needs: "crash",
  },
  {
    id: "BUS-03",
    title: "An event is handled exactly as it was published",
    why: "Ids in other scripts and large numbers are where envelopes cut corners.",
  },
  {
    id: "BUS-04",
    title: "Every name is given every event, also while another one's handler keeps failing",
    why: "Mail must be sent whether or not the search could be told.",
  },
  {
    id: "BUS-05",
    title: "Every call ends",
    why: "A relay that is not answered holds its lease, and nobody else goes on.",
  },
]
