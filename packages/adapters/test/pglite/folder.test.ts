/**
 * PGlite in a folder: kept across stops and kills, and opened by one at a time, whoever else there is and however it ends.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { createHoldfast } from "@holdfast/core"
import { afterAll, describe, expect, it } from "vitest"
import { pglite } from "../../src/pglite/index.ts"

const root = mkdtempSync(join(tmpdir(), "holdfast-pglite-"))
/** One folder for all tests: each leaves it free for the next one, and making one takes seconds. */
const dir = join(root, "shop")
const children: Array<ChildProcess> = []
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(root, { recursive: true, force: true })
})

const shopIn = (folder = dir) => createHoldfast({ store: pglite({ dir: folder }), workers: false, logger: () => {} })

interface Program {
  readonly child: ChildProcess
  /** All that it has written so far. */
  readonly heard: () => string
  /** Completes when it has written that, or has ended. */
  readonly says: (text: string) => Promise<void>
  readonly ended: Promise<void>
}

/** Another process, which runs this code. */
const run = (code: string): Program => {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--input-type=module", "-e", code], {
    cwd: join(import.meta.dirname, "../.."),
    stdio: ["pipe", "pipe", "inherit"],
  })
  children.push(child)
  let heard = ""
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const says = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => heard.includes(text) && resolve()
      child.stdout?.on("data", look)
      child.once("exit", () => resolve())
      look()
    })
  child.stdout?.on("data", (bytes) => {
    heard += String(bytes)
  })
  return { child, heard: () => heard, says, ended }
}

const opening = `
  import { createHoldfast } from "@holdfast/core"
  import { pglite } from "@holdfast/adapters/pglite"
  const shop = createHoldfast({ store: pglite({ dir: ${JSON.stringify(dir)} }), workers: false })
  const say = (text) => process.stdout.write(text + "\\n")`

/** Opens the folder, and leaves it when it is told to. */
const holder = async (): Promise<Program> => {
  const program = run(`${opening}
    process.stdin.once("data", () => shop.stop().then(() => process.exit(0)))
    await shop.start().then(() => say("open"), (error) => say("refused: " + error.message))`)
  await program.says("\n")
  return program
}

describe("PGlite in a folder", () => {
  it("keeps what it acknowledged, refuses a second opener in the process and lets the next one in", async () => {
    const first = shopIn()
    await first.points.open({ accountId: "ada" })
    await first.points.charge({ accountId: "ada", amount: 5, key: "c" })
    const second = shopIn()
    // Waiting for a folder does not hold up what the process does beside it.
    let charged = 0
    let refused: unknown
    const waiting = second.start().catch((error) => {
      refused = error
    })
    while (refused === undefined) await first.points.charge({ accountId: "ada", amount: 1, key: `beside-${charged++}` })
    await waiting
    expect(refused).toMatchObject({
      retryable: true,
      outcome: "nothing-happened",
      message: expect.stringContaining(`the folder ${dir} is in use by this process`),
    })
    expect(charged).toBeGreaterThan(5)
    await first.stop()
    await second.start()
    expect(await second.points.balance("ada")).toBe(5 + charged)
    expect((await second.audit.run()).ok).toBe(true)
    await second.stop()
    expect(readdirSync(dir).filter((name) => name.startsWith("holdfast"))).toEqual(["holdfast.lock.db"])
  })

  it("keeps every acknowledged charge of a process that was killed, and opens at once", async () => {
    const seller = run(`${opening}
      await shop.points.open({ accountId: "bob" })
      for (let n = 1; ; n++) {
        await shop.points.charge({ accountId: "bob", amount: 1, key: "k" + n })
        say(n)
      }`)
    await seller.says("60\n")
    seller.child.kill("SIGKILL")
    // Not waited for: the kernel takes the lock of a process away when the process ends, and until then it is in use.
    const shop = shopIn()
    const balance = await shop.points.balance("bob")
    await seller.ended
    const acknowledged = Number(seller.heard().trimEnd().split("\n").at(-1))
    expect(acknowledged).toBeGreaterThanOrEqual(60)
    expect(balance).toBeGreaterThanOrEqual(acknowledged)
    expect((await shop.audit.run()).ok).toBe(true)
    await shop.stop()
  })

  it("given a holder that is stopping, its successor waits and opens", async () => {
    const leaving = await holder()
    expect(leaving.heard()).toBe("open\n")
    const shop = shopIn()
    const started = shop.start()
    leaving.child.stdin?.write("leave\n")
    await started
    await shop.stop()
    await leaving.ended
  })

  it("given a holder that stands still, it is refused by every name that the folder has", async () => {
    const still = await holder()
    expect(still.heard()).toBe("open\n")
    still.child.kill("SIGSTOP")
    const link = join(root, "link")
    symlinkSync(dir, link)
    const names = [dir, link, relative(process.cwd(), dir), `${dir}/../shop/`]
    const shops = names.map(shopIn)
    const starts = await Promise.allSettled(shops.map((shop) => shop.start()))
    for (const start of starts)
      expect(start).toMatchObject({
        status: "rejected",
        reason: {
          retryable: true,
          outcome: "nothing-happened",
          message: expect.stringContaining(`the folder ${dir} is in use by another process or thread`),
        },
      })
    still.child.kill("SIGCONT")
    still.child.stdin?.write("leave\n")
    await still.ended
    await shops[1]?.start()
    await Promise.all(shops.map((shop) => shop.stop()))
  })

  it("given two processes that start at once, one opens and the other is refused", async () => {
    const both = await Promise.all([holder(), holder()])
    const told = both.map(({ heard }) => heard()).sort()
    expect(told).toEqual(["open\n", expect.stringContaining(`the folder ${dir} is in use by another process`)])
    for (const { child } of both) child.stdin?.write("leave\n")
    await Promise.all(both.map(({ ended }) => ended))
  })

  it("given two worker threads of one process, one opens and the other is refused", async () => {
    const program = run(`
      import { Worker } from "node:worker_threads"
      const code = ${JSON.stringify(`
        import("@holdfast/core").then(async ({ createHoldfast }) => {
          const { pglite } = await import("@holdfast/adapters/pglite")
          const { parentPort } = require("node:worker_threads")
          const shop = createHoldfast({ store: pglite({ dir: ${JSON.stringify(dir)} }), workers: false })
          parentPort.postMessage(await shop.start().then(() => "open", (error) => error.message))
          parentPort.once("message", () => shop.stop().then(() => process.exit(0)))
        })`)}
      const workers = [0, 1].map(() => new Worker(code, { eval: true, execArgv: ["--conditions=@holdfast/source"] }))
      const told = await Promise.all(workers.map((each) => new Promise((resolve) => each.once("message", resolve))))
      process.stdout.write(JSON.stringify(told) + "\\n")
      for (const each of workers) each.postMessage("leave")`)
    await program.ended
    const told: ReadonlyArray<string> = JSON.parse(program.heard())
    expect(told).toHaveLength(2)
    expect(told).toEqual(expect.arrayContaining(["open", expect.stringContaining("by another process or thread")]))
  })

  it.each([
    ["its own process", process.pid],
    ["a process that lives", process.ppid],
    ["no process any more", 4_194_303],
  ])("given a lock of an earlier version that names %s, it opens", async (_, pid) => {
    writeFileSync(join(dir, "holdfast.lock"), String(pid))
    const shop = shopIn()
    await shop.start()
    await shop.stop()
    expect(existsSync(join(dir, "holdfast.lock"))).toBe(false)
  })

  it("given a folder that cannot be one, it says so at once and that trying again is useless", async () => {
    const file = join(root, "a file")
    writeFileSync(file, "")
    const useless = { retryable: false, outcome: "nothing-happened", message: expect.stringContaining(file) }
    for (const folder of [file, join(file, "inside")]) {
      const shop = shopIn(folder)
      await expect(shop.start()).rejects.toMatchObject(useless)
      await shop.stop()
    }
  })

  it("leaves the warnings of others alone, and says nothing of its own", async () => {
    const program = run(`${opening}
      const warnings = []
      process.on("warning", ({ message }) => warnings.push(message))
      const emit = process.emitWarning
      process.emitWarning("of the host")
      await shop.start()
      await shop.stop()
      process.emitWarning("of the host, later")
      await new Promise((resolve) => setImmediate(resolve))
      say(JSON.stringify([warnings, emit === process.emitWarning]))`)
    await program.ended
    expect(JSON.parse(program.heard())).toEqual([["of the host", "of the host, later"], true])
  })
})
