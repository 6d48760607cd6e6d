/**
 * The fold: decides the commands of a batch one after the other, each seeing what the ones before it changed.
 *
 * The result is exactly what deciding them one by one would have given, as one union of changes for one commit. A
 * refused command changes nothing, and a rule that throws is its own command's defect: neither touches its neighbours.
 */
import type { ChangeSet } from "./Changes.ts"
import type { Command, Decision } from "./Command.ts"
import { decide } from "./decide.ts"
import { Overlay } from "./Overlay.ts"
import { type Keys, keysOf, type Records } from "./Records.ts"

/** What a store gets back from a decision. */
export interface Decided<A> {
  /** The last call's answer counts. */
  readonly answer: A
  /** What to make durable; undefined where there is nothing to commit. */
  readonly changes: ChangeSet | undefined
  /**
   * True where every command was accepted: then the guards of the changes verify all that the answer rests on, and a store
   * may decide on records that it did not read for this call. Anything else has to be decided on records of its own time.
   */
  readonly onlyAccepts?: boolean | undefined
  /**
   * True where an answer says that something happened before, as rows that were found show. A store whose commits wait for
   * other machines must wait for them once more before it answers that, unless it commits the changes after it has read: a
   * row may be there to be read whose own commit gave up waiting, and is gone when another machine takes over. Refusals say
   * what is so now, and promise nothing.
   */
  readonly restsOnRows?: boolean | undefined
  /**
   * For a store that decided on an unlocked read: the refusals that saw a record which this batch changes, to decide
   * again under locks after its commit. Undefined where every answer is final. Its answer covers the whole batch.
   */
  readonly again: () => Again<A> | undefined
}

export interface Again<A> {
  readonly keys: Keys
  readonly decide: (records: Records) => Decided<A>
}

/** The records that a batch of commands needs. */
export const keysOfCommands = (commands: ReadonlyArray<Command>): Keys =>
  keysOf((add) => {
    for (const command of commands) {
      command.operation.keys(command.request, add, command.at)
      add("receipt", [command.scope, command.operation.name, command.key])
    }
  })

/** Decides a batch against current records. Pure; `now` is compared with the commands' deadlines. */
export const fold = (
  commands: ReadonlyArray<Command>,
  records: Records,
  now: number,
): Decided<ReadonlyArray<Decision>> => {
  const overlay = new Overlay(records)
  const decisions: Array<Decision> = []
  let accepted = 0
  let refused = 0
  let found = 0
  for (const command of commands) {
    overlay.begin()
    const decision = decideSafely(overlay.records, command, now)
    if (decision._tag === "Accepted") {
      overlay.accept(decision)
      accepted++
    } else if (decision._tag === "Refused") refused++
    else if (decision._tag === "Recalled" || decision._tag === "Repeated") found++
    decisions.push(decision)
  }
  return {
    answer: decisions,
    changes: accepted === 0 ? undefined : overlay.changeSet(),
    onlyAccepts: accepted === commands.length,
    restsOnRows: found > 0,
    again: () => (accepted === 0 || refused === 0 ? undefined : againOf(commands, decisions, overlay, now)),
  }
}

// A defect must not fail the other commands of the batch, so this is the one place where a throw is caught.
const decideSafely = (records: Records, command: Command, now: number): Decision => {
  try {
    return decide(records, command, now)
  } catch (defect) {
    return { _tag: "Defective", defect }
  }
}

const againOf = (
  commands: ReadonlyArray<Command>,
  decisions: ReadonlyArray<Decision>,
  overlay: Overlay,
  now: number,
): Again<ReadonlyArray<Decision>> | undefined => {
  const uncertain = commands.flatMap((command, index) =>
    decisions[index]?._tag === "Refused" && touches(command, overlay) ? [{ command, index }] : [],
  )
  if (uncertain.length === 0) return undefined
  const again = uncertain.map(({ command }) => command)
  return {
    keys: keysOfCommands(again),
    decide: (records) => {
      const { answer, changes, restsOnRows } = fold(again, records, now)
      const merged = Array.from(decisions)
      uncertain.forEach(({ index }, position) => {
        const decision = answer[position]
        if (decision !== undefined) merged[index] = decision
      })
      return { answer: merged, changes, restsOnRows, again: () => undefined }
    },
  }
}

const touches = (command: Command, overlay: Overlay): boolean => {
  let touched = false
  command.operation.keys(
    command.request,
    (kind, key) => {
      touched ||= overlay.hasChanged(kind, key)
    },
    command.at,
  )
  return touched
}
