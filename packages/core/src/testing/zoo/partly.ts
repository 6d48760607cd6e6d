/**
 * Parts of a change set: what is left when its receipts or events come later, and what comes then.
 */
import type { ChangeSet, PutsOfKind } from "../../decision/Changes.ts"
import { mapKinds } from "../../decision/kinds.ts"

export const withoutLate = (
  { puts, appends }: ChangeSet,
  late: { readonly events: boolean; readonly receipts: boolean },
): ChangeSet => ({
  puts: late.receipts ? { ...puts, receipt: [] } : puts,
  appends: late.events ? { ...appends, event: [] } : appends,
})

const nothing: ChangeSet = {
  puts: mapKinds<PutsOfKind>(() => []),
  appends: { entry: [], movement: [], event: [] },
}

export const onlyReceipts = ({ puts: { receipt } }: ChangeSet): ChangeSet => ({
  ...nothing,
  puts: { ...nothing.puts, receipt },
})

export const onlyEvents = ({ appends: { event } }: ChangeSet): ChangeSet => ({
  ...nothing,
  appends: { ...nothing.appends, event },
})
