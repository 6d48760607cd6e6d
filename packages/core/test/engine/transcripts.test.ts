/**
 * Schedules of the engine as transcripts: what callers and the store do is written above a line of dashes, and below it
 * stands what the engine did then. The form is that of the `testdata` of etcd-io/raft.
 *
 * Write the upper halves by hand; `npx vitest run transcripts -u` writes the lower ones, which are to be read.
 *
 * | line | means |
 * |---|---|
 * | `shop lanes=2 passes-turns` | a new shop with accounts a0…, products p0…, hot and cold, campaigns c0…; the store may pass turns |
 * | `claim c0 a0..a9` | each of these accounts claims a coupon |
 * | `order hot a0..a9` | each of them orders one unit |
 * | `orders a0..a9` | each of them orders one unit of a product of its own |
 * | `charge a0 x5` | one wallet is charged five times |
 * | `hold`, `release`, `release all` | the store keeps batches that come, and lets the oldest go, or all of them from now on |
 * | `lock hot`, `unlock hot` | somebody else holds a product |
 * | `leave a0` | the caller of that account's last command leaves |
 * | `wait 200` | so many milliseconds pass |
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, type Scope } from "effect"
import type { Command } from "../../src/decision/Command.ts"
import type { Engine } from "../../src/engine/Engine.ts"
import type { StoreFault } from "../../src/ports/index.ts"
import { type Behaviour, busy, controlledStore, gate } from "../support/controlledStore.ts"
import { engineOn, pass, runOn, type Submitted, submit, tally } from "../support/submitting.ts"
import { charge, furnish, issue, names, place } from "./commands.ts"

const folder = join(import.meta.dirname, "transcripts")

/** What a transcript acts on, and what happened since it was last asked. */
interface Stage {
  readonly engine: Engine
  readonly hold: () => void
  readonly release: (all: boolean) => void
  readonly held: Set<string>
  /** What each batch that left did, from the first on. */
  readonly left: Array<string>
}

const open = (lanes: number, passes: boolean): Effect.Effect<Stage, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* controlledStore({ lanes }, passes)
    const products = [...names(600, "p"), "hot", "cold"]
    yield* furnish(store.shape, { accounts: names(600), products, campaigns: names(3, "c") })
    const engine = yield* engineOn(store)
    const held = new Set<string>()
    const left: Array<string> = []
    let gated: ReturnType<typeof gate> | undefined
    const behave: Behaviour = (transact, run) => {
      const count = transact.commands.length
      const found = transact.keys.of("product").flatMap(([id]) => (held.has(String(id)) ? [String(id)] : []))
      left.push(`with ${count}${found.length === 0 ? "" : `, finding ${found.join(", ")} held`}`)
      if (passes) transact.turn?.pass()
      if (found.length > 0) return busy("product", ...found)
      return gated === undefined ? run : gated.behave(transact, run)
    }
    store.behave = behave
    return {
      engine,
      hold: () => {
        gated = gate()
      },
      release: (all) => {
        if (!all) return gated?.letOne()
        gated?.open()
        gated = undefined
      },
      held,
      left,
    }
  })

/** `a3..a5` as a3, a4, a5. */
const accountsOf = (range = ""): ReadonlyArray<string> => {
  const [, first = "0", last = first] = /^a(\d+)(?:\.\.a(\d+))?$/.exec(range) ?? []
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => `a${Number(first) + index}`)
}

const commandsOf = (
  verb: string | undefined,
  [what = "", more]: ReadonlyArray<string>,
  at: number,
): ReadonlyArray<Command> => {
  switch (verb) {
    case "claim":
      return accountsOf(more).map((account) => issue(what, account, { at }))
    case "order":
      return accountsOf(more).map((account) => place(account, what, 1, { at }))
    case "orders":
      return accountsOf(what).map((account) => place(account, account.replace("a", "p"), 1, { at }))
    case "charge":
      return Array.from({ length: Number(more?.slice(1) ?? 1) }, () => charge(what, 1, { at }))
    default:
      throw new Error(`A transcript knows no "${verb}".`)
  }
}

/** What left since the batch `from`, with a line for all in a row that did the same. */
const leaving = (left: ReadonlyArray<string>, from: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (let first = from; first < left.length; ) {
    let after = first + 1
    while (left[after] === left[first]) after++
    lines.push(
      after === first + 1
        ? `batch ${after} leaves ${left[first]}`
        : `batches ${first + 1} to ${after} leave ${left[first]}`,
    )
    first = after
  }
  return lines
}

/** Plays the upper halves of a transcript, and writes the lower ones. */
const played = (text: string) =>
  Effect.gen(function* () {
    let stage: Stage | undefined
    let told = 0
    let waiting: Array<Submitted & { readonly account: string }> = []
    const written: Array<string> = []
    for (const paragraph of text.trimEnd().split(/\n\n+/)) {
      const asked = paragraph.split("\n----\n")[0]?.split("\n") ?? []
      written.push(asked.join("\n"))
      const steps = asked.filter((line) => !line.startsWith("#"))
      if (steps.length === 0) continue
      for (const step of steps) {
        const [verb, ...words] = step.split(" ")
        if (verb === "shop") {
          stage = yield* open(Number(words[0]?.replace("lanes=", "")), words.includes("passes-turns"))
          waiting = []
          told = 0
          continue
        }
        if (stage === undefined) throw new Error("A transcript begins with a shop.")
        const { engine, held, hold, release } = stage
        if (verb === "hold") hold()
        else if (verb === "release") release(words[0] === "all")
        else if (verb === "lock") held.add(words[0] ?? "")
        else if (verb === "unlock") held.delete(words[0] ?? "")
        else if (verb === "wait") yield* pass(Number(words[0]))
        else if (verb === "leave") {
          const one = waiting.findLast(({ account }) => account === words[0])
          if (one !== undefined) engine.withdraw(one.pending)
          waiting = waiting.filter((each) => each !== one)
        } else {
          for (const command of commandsOf(verb, words, yield* Clock.currentTimeMillis)) {
            const [[account] = []] = [keysOf(command)]
            waiting.push({ ...submit(engine, command), account: account ?? "" })
          }
        }
      }
      yield* runOn
      if (stage === undefined) continue
      const answered = waiting.filter(({ outcome }) => outcome() !== undefined)
      waiting = waiting.filter(({ outcome }) => outcome() === undefined)
      const ends = Object.entries(tally(answered.map(({ outcome }) => outcome())))
      const lines = [...leaving(stage.left, told), ...ends.map(([end, count]) => `${count} answered ${end}`)]
      told = stage.left.length
      if (waiting.length > 0) lines.push(`${waiting.length} wait`)
      written.push(`----\n${lines.join("\n") || "nothing"}`)
    }
    return written
      .map((each, index) => (each.startsWith("----") ? `\n${each}` : `${index === 0 ? "" : "\n\n"}${each}`))
      .join("")
      .concat("\n")
  })

/** The accounts that a command touches. */
const keysOf = (command: Command): ReadonlyArray<string> => {
  const accounts: Array<string> = []
  command.operation.keys(
    command.request,
    (kind, [id]) => {
      if (kind === "account") accounts.push(String(id))
    },
    command.at,
  )
  return accounts
}

describe("the engine, in transcripts", () => {
  for (const name of readdirSync(folder).sort()) {
    it.effect(name.replace(/\.txt$/, "").replaceAll("-", " "), () =>
      Effect.gen(function* () {
        const file = join(folder, name)
        const text = yield* played(readFileSync(file, "utf8"))
        yield* Effect.promise(() => expect(text).toMatchFileSnapshot(file))
      }),
    )
  }
})
