/**
 * Stores that say wrongly how a campaign stands, or who its owners are.
 */
import { Effect } from "effect"
import type { Reads, Standing, StoreFault, StoreShape } from "../../ports/index.ts"
import { AccountId } from "../../values.ts"
import { type Mutant, mutant } from "./Mutant.ts"

const saying =
  (make: () => (standing: Standing) => Standing) =>
  (store: StoreShape): StoreShape => {
    const change = make()
    const { standing } = store.reads
    return standing === undefined
      ? store
      : { ...store, reads: { ...store.reads, standing: (asked) => Effect.map(standing(asked), change) } }
  }

/** The first answer for good, as far as it is about the campaign. */
const asAtFirst = (): ((standing: Standing) => Standing) => {
  let first: Standing | undefined
  return (standing) => {
    first ??= standing
    return { ...standing, campaign: first.campaign, lastCommandId: first.lastCommandId }
  }
}

/** What was so before the call. */
const oneLookLate = (): ((standing: Standing) => Standing) => {
  let last: Standing | undefined
  return (standing) => {
    const late = last ?? standing
    last = standing
    return { ...standing, campaign: late.campaign, lastCommandId: late.lastCommandId }
  }
}

const someoneElse = AccountId.make("someone-else")

const lastOwnerMissing = (store: StoreShape): StoreShape => {
  const { owners } = store.reads
  const without: Reads["owners"] =
    owners &&
    ((...asked): Effect.Effect<ReadonlyArray<AccountId>, StoreFault> =>
      Effect.map(owners(...asked), (page) => [...page.slice(0, -1), ...page.slice(-1).map(() => someoneElse)]))
  return { ...store, reads: { ...store.reads, owners: without } }
}

export const sealMutants: ReadonlyArray<Mutant> = [
  mutant("sold-out flag for good", "How a campaign stood at the first look is taken for how it stands.", {
    wrap: saying(() => asAtFirst()),
  }),
  mutant("campaign read before the call", "Every look answers what the one before it saw.", {
    wrap: saying(() => oneLookLate()),
  }),
  mutant("owners without the last page", "The last ticket's owner is missing in the list.", { wrap: lastOwnerMissing }),
  mutant("limit taken for what is issued", "A campaign always seems to have given everything away.", {
    wrap: saying(() => (standing) => {
      const { campaign } = standing
      return campaign === undefined
        ? standing
        : { ...standing, campaign: { ...campaign, state: "open", limit: campaign.issued } }
    }),
  }),
  mutant("seal that looks up no account", "Every account that asks is taken for an open one.", {
    wrap: saying(() => (standing) => ({ ...standing, notOpen: [] })),
  }),
  mutant("seal that looks up no key", "Every key that is given is taken for a new one.", {
    wrap: saying(() => (standing) => ({ ...standing, used: [] })),
  }),
]
