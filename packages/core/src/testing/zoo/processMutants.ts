/**
 * Broken steps of the way of a batch, and a server that leaves one of its own out: what shows only where several processes
 * with connections of their own meet, or where one batch follows another before that is answered.
 */
import { Effect } from "effect"
import { type ChangeSet, mapPuts } from "../../decision/Changes.ts"
import type { Decided } from "../../decision/fold.ts"
import { type KindName, kinds } from "../../decision/kinds.ts"
import { holds, rebase } from "../../memory/guards.ts"
import type { StoreShape } from "../../ports/index.ts"
import { newBatchState } from "../../transact/BatchState.ts"
import { Speculation } from "../../transact/Speculation.ts"
import { unknownVersion } from "../../values.ts"
import { type ServerRules, usualRules } from "../server/SimulatedServer.ts"
import type { Setting } from "../server/simulatedStore.ts"
import type { Tampering } from "../trial/Tampering.ts"
import { countersOf, type Mutant, versionOf } from "./Mutant.ts"
import { simulatedServer } from "./simulatedServer.ts"

const mutant = (name: string, about: string, change: Partial<Setting>, tampering?: Tampering): Mutant => ({
  name,
  about,
  adapter: { ...simulatedServer(name, change), tampering },
})

type Guards = Pick<ServerRules, "holds" | "move">

/** The counter that every move of a record moves by one: its position. */
const positions: { readonly [K in KindName]?: string } = { account: "seq", product: "revision", campaign: "issued" }

/**
 * Records are compared by their version alone, and where a decision showed a position by these `counters`. What does not
 * match otherwise moves by addition all the same; with `writesBack` the terms become what was decided on.
 */
const byNumber = (counters: (kind: KindName) => ReadonlyArray<string>, writesBack = false): Guards => ({
  holds: (kind, put, current) => {
    const { before, guard } = put
    if (before === undefined || current === undefined) return before === current
    if (positions[kind] === undefined || versionOf(before) === unknownVersion) return holds(kind, put, current)
    const compared = guard === "exact" ? counters(kind) : []
    return ["version", ...compared].every((name) => Reflect.get(before, name) === Reflect.get(current, name))
  },
  move: moveAnyway(writesBack),
})

/** Moves counters by addition from wherever they are, whether the guard holds or not. */
const moveAnyway =
  (writesBack: boolean): ServerRules["move"] =>
  (kind, put, current) => {
    const { before, after, guard } = put
    if (before === undefined || current === undefined) return rebase(kind, put, current)
    if (before === after && !writesBack) return { put: { before: current, after: current, guard }, shift: [] }
    const changesTerms = versionOf(before) !== versionOf(after)
    return rebase(
      kind,
      {
        before: { ...current, ...countersOf(kind, before) },
        after: changesTerms || writesBack ? after : { ...current, ...countersOf(kind, after) },
        guard: "relative",
      },
      current,
    )
  }

/** Memory that is kept, and relied on, whatever became of the batch that left it. */
class Kept extends Speculation {
  override forget(): void {}
  override turnedOut(): void {}
}

/** One connection, on which a batch comes to nothing where the one before it does: then numbers that it minted are none. */
const oneAfterTheOther: Partial<Setting> = {
  lanes: 1,
  rules: { ...usualRules, ...byNumber(positionOf), failsBehind: true },
}

function positionOf(kind: KindName): ReadonlyArray<string> {
  const position = positions[kind]
  return position === undefined ? [] : [position]
}

export const processMutants: ReadonlyArray<Mutant> = [
  mutant(
    "guard on a number that is minted",
    "A guard compares version and position, which a batch that comes to nothing has counted too.",
    { rules: { ...usualRules, ...byNumber(positionOf) } },
  ),
  versionFromCommand(),
  mutant(
    "unchanged terms written back",
    "Terms are compared by their version alone, and written as they were decided on, changed or not.",
    { rules: { ...usualRules, ...byNumber((kind) => kinds[kind].counters, true) } },
  ),
  mutant(
    "memory kept after a failed batch",
    "What a batch would have left is remembered when it has come to nothing.",
    { ...oneAfterTheOther, memory: () => ({ ...newBatchState(), speculation: new Kept() }) },
  ),
  mutant(
    "second batch trusts the first",
    "A batch that follows another one takes it for granted that this one is committed.",
    { sends: trusted },
  ),
  mutant("frames swapped", "Whoever waits for a connection goes on before what was decided first is sent.", {
    ...oneAfterTheOther,
    tellsEarly: true,
  }),
  mutant("refused beside a living session", "After a lost reply the earlier session is taken for dead.", {
    settles: false,
  }),
  mutant("audience remembered", "Events are left out because nobody was there to hear the last ones.", {
    rules: { ...usualRules, verifiesAudience: false },
  }),
  mutant("replay not confirmed", "A repeat is answered from a row that the standby does not have.", {
    rules: { ...usualRules, confirms: false },
  }),
  mutant(
    "committed half not told",
    "A fault that comes behind the commit of a part of its batch does not say what was committed.",
    {},
    {
      store: (seen): StoreShape => ({
        ...seen,
        transact: (keys, decide, turn) =>
          Effect.mapError(seen.transact(keys, decide, turn), (fault) => ({ ...fault, committed: undefined })),
      }),
    },
  ),
  mutant("row not looked at again", "A row that was waited for is written as it was seen before the wait.", {
    rules: { ...usualRules, looksAgain: false, move: moveAnyway(false) },
  }),
]

/** Exact guards on what is not answered yet become relative ones. */
function trusted(changes: ChangeSet, isOnItsWay: (record: unknown) => boolean): ChangeSet {
  const puts = mapPuts(changes.puts, (_kind, all) =>
    all.map((put) => (isOnItsWay(put.before) ? { ...put, guard: "relative" as const } : put)),
  )
  return { ...changes, puts }
}

/** Records are marked with the id of the command that changed them, and guards compare the marks. */
function versionFromCommand(): Mutant {
  const marks = new WeakMap<object, string>()
  const mark = ({ puts, appends }: ChangeSet): void => {
    for (const { accountId, commandId } of appends.entry) {
      for (const { after } of puts.account) if (after.accountId === accountId) marks.set(after, commandId)
    }
    for (const { after: coupon } of puts.coupon) {
      for (const { after } of puts.campaign)
        if (after.campaignId === coupon.campaignId) marks.set(after, coupon.commandId)
    }
  }
  const marking = <A>(decided: Decided<A>): Decided<A> => {
    if (decided.changes !== undefined) mark(decided.changes)
    return {
      ...decided,
      again: () => {
        const again = decided.again()
        return again && { ...again, decide: (records) => marking(again.decide(records)) }
      },
    }
  }
  const moved = moveAnyway(false)
  return mutant(
    "version minted from the command's id",
    "A guard compares which command changed a record last, and that was decided more than once.",
    {
      rules: {
        ...usualRules,
        holds: (kind, put, current) => {
          const { before, guard } = put
          if (before === undefined || current === undefined || guard === "relative") return holds(kind, put, current)
          const [decidedOn, found] = [marks.get(before), marks.get(current)]
          return decidedOn === undefined || found === undefined ? holds(kind, put, current) : decidedOn === found
        },
        move: (kind, put, current) => {
          const made = moved(kind, put, current)
          const by = marks.get(put.after)
          if (made !== undefined && by !== undefined) marks.set(made.put.after, by)
          return made
        },
      },
    },
    {
      store: (seen): StoreShape => ({
        ...seen,
        transact: (keys, decide, turn) => seen.transact(keys, (records) => marking(decide(records)), turn),
      }),
    },
  )
}
