/**
 * Terms that change unseen, and histories that tell it wrongly: every sum adds up, and only the history and what was done
 * under it contradict each other.
 */
import { type ChangeSet, mapPuts, type Put } from "../../decision/Changes.ts"
import { type KindName, kinds, type RecordOf } from "../../decision/kinds.ts"
import type { Tables } from "../../memory/Tables.ts"
import { misruled, without, withRecords } from "./engineMutants.ts"
import { countersOf, type Mutant, mutant, versionOf } from "./Mutant.ts"

export const termsMutants: ReadonlyArray<Mutant> = [
  mutant("sale passed by a new price", "A sale is compared with the counters of its product, and not with its terms.", {
    loose: () => ({ commits: termsUnseen("product") }),
  }),
  mutant(
    "ticket passed by a pause",
    "An issue is compared with the number issued, and not with the campaign's state.",
    {
      loose: () => ({ commits: termsUnseen("campaign") }),
    },
  ),
  mutant(
    "change of terms out of place",
    "A change of price is written where it was decided, wherever it takes effect.",
    {
      tampering: {
        command: misruled("stock.changePrice", (verdict) =>
          verdict._tag === "Accept" ? { ...verdict, changes: { ...verdict.changes, exact: undefined } } : verdict,
        ),
      },
    },
  ),
  mutant("change of terms one place on", "A change of price says that it took effect after the sale that follows it.", {
    tampering: {
      command: misruled("stock.changePrice", (verdict) =>
        verdict._tag === "Accept"
          ? withRecords(verdict, "terms", (change) => ({ ...change, counter: change.counter + 1 }))
          : verdict,
      ),
    },
  }),
  mutant("change of terms not written down", "A campaign is paused, and its history does not say so.", {
    tampering: { command: misruled("coupons.pauseCampaign", (verdict) => without(verdict, "terms")) },
  }),
  mutant("change of terms of nobody", "A change of a limit is written down without the command that made it.", {
    tampering: {
      command: misruled("coupons.changeLimit", (verdict) =>
        verdict._tag === "Accept"
          ? withRecords(verdict, "terms", (change) => ({ ...change, commandId: undefined }))
          : verdict,
      ),
    },
  }),
]

/** What only moves counters takes the terms for those that it finds. */
function termsUnseen(name: "campaign" | "product"): (changes: ChangeSet, tables: Tables) => ChangeSet {
  return (changes, tables) => ({
    ...changes,
    puts: mapPuts(changes.puts, (kind, puts) =>
      kind === name ? puts.map((put) => asFound(kind, put, tables.get(kind, kinds[kind].keyOf(put.after)))) : puts,
    ),
  })
}

const asFound = <K extends KindName>(
  kind: K,
  put: Put<RecordOf[K]>,
  found: RecordOf[K] | undefined,
): Put<RecordOf[K]> => {
  const { before, after, guard } = put
  const changesTerms = before === undefined || versionOf(before) !== versionOf(after)
  if (found === undefined || changesTerms) return put
  return { before: { ...found, ...countersOf(kind, before) }, after: { ...found, ...countersOf(kind, after) }, guard }
}
