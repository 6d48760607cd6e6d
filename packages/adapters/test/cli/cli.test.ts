/**
 * The `holdfast` command, run as a process.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, openSync } from "node:fs"
import { join, resolve } from "node:path"
import { text } from "node:stream/consumers"
import { createHoldfast, isHoldfastError } from "@holdfast/core"
import { commandMillis } from "@holdfast/test-services"
import { Effect } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { inboxSql } from "../../src/kafka/index.ts"
import { postgres, postgresSql } from "../../src/postgres/index.ts"
import { buy, furnishShop, shopOn } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const root = resolve(import.meta.dirname, "../../../..")
const program = join(root, "packages/adapters/src/cli/main.ts")

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

const holdfast = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  new Promise((ran) => {
    const { DATABASE_URL: _, ...inherited } = process.env
    execFile(
      process.execPath,
      ["--conditions=@holdfast/source", "--no-warnings", program, ...args],
      { cwd: root, env: { ...inherited, ...env }, timeout: commandMillis },
      (error, out, err) =>
        ran({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, out, err }),
    )
  })

/** What becomes of it where nobody reads what it prints, or where that cannot be written. */
const unheard = async (args: ReadonlyArray<string>, stdout: "nobody" | number) => {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--no-warnings", program, ...args], {
    cwd: root,
    stdio: ["ignore", stdout === "nobody" ? "pipe" : stdout, "pipe"],
    timeout: commandMillis,
  })
  child.stdout?.destroy()
  const [err, [code]] = await Promise.all([child.stderr === null ? "" : text(child.stderr), once(child, "close")])
  return { code, err }
}

describe("without a server", () => {
  it.each([
    [[], /Say what to do/],
    [["frobnicate"], /no command "frobnicate"/],
    [["migrate", "now"], /"now" is one word too many/],
    [["migrate"], /--url postgres:.*DATABASE_URL/],
    [["migrate", "--url", "mysql://here"], /--url postgres:/],
    [["doctor", "--colour"], /--colour/],
    [["sql", "--url", "postgres://here/app"], /sql has no option --url/],
    [["sql", "--after", "soon"], /--after must be a version/],
    [["sql", "--after", "99"], /--after must be \d at most/],
    [["sql", "--schema", "x", "--schema", "y"], /--schema is given twice/],
    [["audit", "--url", "postgres://here/app", "--url", "postgres://there/app"], /--url is given twice/],
    [["parked", "--url", "postgres://here/app", "--name", ""], /which subscription with --name/],
    [["sql", "--schema="], /--schema must not be empty/],
    [["sql", "--inbox", "--after", "1"], /--inbox has no versions/],
    [["resend", "--kafka", "here:9092"], /--dead-letter topic/],
    [["rank"], /rank rebuild/],
    [["rank", "rebuild"], /--redis redis:/],
    [["rank", "rebuild", "--redis", "http://here"], /--redis must be redis:/],
    [["parked", "--url", "postgres://here/app"], /which subscription with --name/],
    [["resend", "--schema", "shop"], /resend has no option --schema/],
  ])("%j is not understood: usage, and exit code 2", async (args, why) => {
    const { code, out, err } = await holdfast(args)
    expect(err).toMatch(why)
    expect(err).toContain("Usage: holdfast <command>")
    expect([code, out]).toEqual([2, ""])
  })

  it("--help prints the usage", async () => {
    const { code, out, err } = await holdfast(["audit", "--help"])
    expect(out).toContain("Usage: holdfast <command>")
    expect([code, err]).toEqual([0, ""])
  })

  it("ends quietly where nobody reads what it prints", async () => {
    expect(await unheard(["sql"], "nobody")).toEqual({ code: 0, err: "" })
    expect(await unheard(["--help"], "nobody")).toEqual({ code: 0, err: "" })
  })

  it.skipIf(!existsSync("/dev/full")).each(["sql", "--help"])("%s that cannot be written is not good", async (arg) => {
    const { code, err } = await unheard([arg], openSync("/dev/full", "w"))
    expect(err).toMatch(/^The answer could not be written: .*ENOSPC.*\n$/)
    expect(code).toBe(1)
  })

  it("doctor --json prints its document where nobody is there", async () => {
    const { code, out, err } = await holdfast(["doctor", "--json", "--url", "postgres://ann:geheim@127.0.0.1:1/app"])
    expect(JSON.parse(out)).toEqual({
      ok: false,
      findings: [{ level: "wrong", what: expect.stringContaining("ECONNREFUSED") }],
    })
    expect(out).not.toContain("geheim")
    expect([code, err]).toEqual([1, ""])
  })

  it("audit --json prints its document where nothing can be recounted", async () => {
    const { code, out, err } = await holdfast(["audit", "--json", "--url", "postgres://ann:geheim@127.0.0.1:1/app"])
    expect(JSON.parse(out)).toEqual({ ok: false, error: expect.stringContaining("ECONNREFUSED") })
    expect(out).not.toContain("geheim")
    expect([code, err]).toEqual([1, ""])
  })

  it("sql --inbox prints what inboxSql answers", async () => {
    expect(await holdfast(["sql", "--inbox"])).toEqual({ code: 0, err: "", out: inboxSql() })
    expect((await holdfast(["sql", "--inbox", "--schema", "mail"])).out).toBe(inboxSql({ schema: "mail" }))
  })

  it("sql prints what postgresSql answers", async () => {
    expect(await holdfast(["sql", "--schema", "my shop"])).toEqual({
      code: 0,
      out: postgresSql({ schema: "my shop" }),
      err: "",
    })
    expect((await holdfast(["sql", "--after", "1"])).out).toBe(postgresSql({ after: 1 }))
  })

  it.each(["migrate", "audit", "doctor"])("%s says that nobody is there, without the password", async (command) => {
    const { code, out, err } = await holdfast([command, "--url", "postgres://ann:geheim@127.0.0.1:1/app"])
    expect([code, out]).toEqual([1, ""])
    expect(err).toContain("ECONNREFUSED")
    expect(err).not.toContain("geheim")
    expect(err).not.toContain("    at ")
  })
})

describe("on a server", () => {
  const { url, server } = serverForFile("the holdfast command")
  let schema = ""
  beforeEach((context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    schema = freshSchema()
  })
  afterEach(async () => {
    if (server() !== undefined) await ask(`drop schema if exists ${schema} cascade`)
  })
  const ask = (sql: string, at = url()) => Effect.runPromise(query(at, sql))
  const run = (command: string, ...more: ReadonlyArray<string>) =>
    holdfast([command, "--url", url(), "--schema", schema, ...more])
  const onDatabase = async (use: (there: string, database: string) => Promise<void>) => {
    const database = `d${schema}`
    await ask(`create database ${database}`)
    const there = new URL(url())
    there.pathname = `/${database}`
    try {
      await use(there.href, database)
    } finally {
      await ask(`drop database ${database} with (force)`)
    }
  }
  const shopWithOrders = async () => {
    const shop = shopOn(url(), schema)
    await furnishShop(shop, { accounts: 2, products: 2 })
    for (let n = 0; n < 3; n++) await buy(shop, n % 2, n % 2, `order-${n}`)
    return shop
  }

  it("what a refusal of migrate: check says to run is right", async () => {
    const start = async () => {
      const shop = createHoldfast({ store: postgres({ url: url(), schema, migrate: "check" }), workers: false })
      const refused = await shop.start().then(
        () => undefined,
        (error) => error,
      )
      await shop.stop()
      return isHoldfastError(refused) ? refused.message : "started"
    }
    const command = /`npx holdfast ([^`]+)`/.exec(await start())?.[1]
    expect(command).toBe(`migrate --url "$DATABASE_URL" --schema ${schema}`)
    const args = command?.replaceAll('"$DATABASE_URL"', url()).split(" ") ?? []
    expect(await holdfast(args)).toEqual({ code: 0, out: `The schema "${schema}" is up to date.\n`, err: "" })
    expect(await start()).toBe("started")
    // Again, and by the environment: nothing is left to do.
    expect((await holdfast(["migrate", "--schema", schema], { DATABASE_URL: url() })).code).toBe(0)
  })

  it("audit finds nothing in a shop, needs no right to write, and names what somebody broke", async () => {
    await (await shopWithOrders()).stop()
    const reader = `reader_${schema}`
    await ask(`create role ${reader} login`)
    await ask(`grant usage on schema ${schema} to ${reader}`)
    await ask(`grant select on all tables in schema ${schema} to ${reader}`)
    const asReader = new URL(url())
    asReader.username = reader
    const clean = await holdfast(["audit", "--url", asReader.href, "--schema", schema])
    await ask(`drop owned by ${reader}`)
    await ask(`drop role ${reader}`)
    expect(clean.err).toBe("")
    expect(clean.out).toContain("Every promise held.")
    expect(clean.code).toBe(0)

    await ask(`update ${schema}.account set balance = balance + 7 where account_id = 'account-1'`)
    const broken = await run("audit")
    expect(broken.out).toMatch(/BROKEN {2}account-balance/)
    expect(broken.out).toContain(`["account-1"]`)
    expect(broken.code).toBe(1)
    const json = await run("audit", "--json")
    expect(json.code).toBe(1)
    const report = JSON.parse(json.out)
    expect(report.ok).toBe(false)
    expect(report.checks.filter((check: { violations: number }) => check.violations > 0)).toMatchObject([
      { id: "account-balance", violations: 1 },
    ])
  })

  it("audit of a schema without a shop is no clean audit", async () => {
    const { code, out, err } = await run("audit")
    expect([code, out]).toEqual([1, ""])
    expect(err).toMatch(/has no shop.*npx holdfast migrate/)
  })

  it("doctor is content with a server as it should be, and says what a missing schema needs", async () => {
    const missing = await run("doctor")
    expect(missing.code).toBe(1)
    expect(missing.out).toMatch(/^ok {5}PostgreSQL 1\d/)
    expect(missing.out).toMatch(/wrong {2}The schema .* has no shop.*npx holdfast migrate/)
    await run("migrate")
    const { code, out } = await run("doctor", "--json")
    expect(JSON.parse(out)).toMatchObject({ ok: true })
    expect(out).toContain("Nobody subscribes")
    expect(code).toBe(0)
  })

  it("doctor sees what the database is set to, what waits in the outbox and what is parked", async () => {
    const database = `d${schema}`
    await ask(`create database ${database}`)
    const there = new URL(url())
    there.pathname = `/${database}`
    try {
      const shop = createHoldfast({ store: postgres({ url: there.href, schema }), logger: () => {} })
      const fails = await shop.events.subscribe("mails", () => Promise.reject(new Error("no mail today")), {
        attempts: 1,
      })
      await shop.points.open({ accountId: "ann" })
      await expect.poll(() => shop.events.parked({ name: "mails" }).then(({ items }) => items.length)).toBe(1)
      await fails.close()
      await shop.points.charge({ accountId: "ann", amount: 5, key: "first" })
      await shop.stop()
      // An hour ago, as far as anybody can tell.
      await ask(
        `update ${schema}.outbox set events = (select json_agg(jsonb_set(e::jsonb, '{occurredAt}', to_jsonb((e ->> 'occurredAt')::bigint - 3600000))) from json_array_elements(events) e)`,
        there.href,
      )
      await ask(`alter database ${database} set synchronous_commit = off`)
      const { code, out } = await holdfast(["doctor", "--url", there.href, "--schema", schema])
      expect(out).toMatch(/wrong {2}synchronous_commit is off.*\n.*alter database/)
      expect(out).toMatch(/warn {3}1 events wait for "mails", the oldest for 3[56]\d\d s, and no process serves it/)
      expect(out).toMatch(/warn {3}1 events of "mails" are parked.*\n.*parked --schema \w+ --name mails.*--again all/)
      expect(code).toBe(1)

      const parked = (...more: ReadonlyArray<string>) =>
        holdfast(["parked", "--url", there.href, "--schema", schema, "--name", "mails", ...more])
      const listed = await parked()
      expect(listed.out).toMatch(/points\.opened of ann .*: Error: no mail today\n1 events of "mails" are parked\.\n$/)
      const { position, reason } = JSON.parse((await parked("--json")).out)
      expect(reason).toBe("Error: no mail today")
      expect(await parked("--again", position)).toMatchObject({ code: 0, out: `${position} of "mails" waits again.\n` })
      // It waits under another position now.
      expect(await parked("--again", position)).toMatchObject({ code: 1, out: expect.stringContaining("Nothing of") })
      expect(await parked("--again", "all")).toMatchObject({ code: 0, out: '0 events of "mails" wait again.\n' })
      expect((await parked("--again", "soon")).err).toContain("position")
    } finally {
      await ask(`drop database ${database} with (force)`)
    }
  })

  it("doctor says why no shop can start, of an address and of a database that takes no changes", async () => {
    await run("migrate")
    for (const target of ["standby", "read-only"]) {
      const there = new URL(url())
      there.searchParams.set("target_session_attrs", target)
      const { code, out } = await holdfast(["doctor", "--url", there.href, "--schema", schema])
      expect(out).toMatch(/^wrong {2}No shop can start here: .*\n.*target_session_attrs/)
      expect(out).toContain("is the one that this code needs")
      expect(code).toBe(1)
    }
    await onDatabase(async (there, database) => {
      await holdfast(["migrate", "--url", there, "--schema", schema])
      await ask(`alter database ${database} set default_transaction_read_only = on`)
      const { code, out } = await holdfast(["doctor", "--url", there, "--schema", schema])
      expect(out).toMatch(/^wrong {2}No shop can start here: .*default_transaction_read_only is on/)
      expect(code).toBe(1)
    })
  })

  it("doctor counts what the role and the database may connect, too", async () => {
    await onDatabase(async (there, database) => {
      const role = `limited_${schema}`
      await ask(`create role ${role} login connection limit 1`)
      try {
        await ask(`alter database ${database} owner to ${role}`)
        await ask(`alter database ${database} connection limit 5`)
        const asRole = new URL(there)
        asRole.username = role
        const { code, out } = await holdfast(["doctor", "--url", asRole.href, "--schema", schema])
        expect(out).toMatch(new RegExp(`wrong {2}1 of the 1 connections of the role "${role}" are in use`))
        expect(out).toMatch(new RegExp(`warn {3}\\d of the 5 connections of the database "${database}" are in use`))
        expect(code).toBe(1)
        // No limit holds for a superuser.
        expect((await holdfast(["doctor", "--url", there, "--schema", schema])).out).not.toContain("connections of the")
      } finally {
        await ask(`alter database ${database} owner to current_user`)
        await ask(`drop role ${role}`)
      }
    })
  })

  it("doctor says what a role is not shown of others, and counts their connections all the same", async () => {
    await onDatabase(async (there) => {
      const role = `unread_${schema}`
      await ask(`create role ${role} login`)
      const asRole = new URL(there)
      asRole.username = role
      const another = new pg.Client({ connectionString: there })
      try {
        await another.connect()
        const hidden = async () => {
          const { out } = await holdfast(["doctor", "--url", asRole.href, "--schema", schema])
          return /not shown to .*: (\d+) connections.*\n.*(grant .*;)/.exec(out)?.slice(1)
        }
        expect(await hidden()).toEqual([expect.stringMatching(/^[1-9]/), `grant pg_read_all_stats to "${role}";`])
        await ask(`grant pg_read_all_stats to ${role}`)
        expect(await hidden()).toBeUndefined()
      } finally {
        await another.end()
        await ask(`drop role ${role}`)
      }
    })
  })

  it("parked lists what doctor says to type, prints no control characters, and knows who is registered", async () => {
    const name = "the mailer; echo"
    const shop = createHoldfast({ store: postgres({ url: url(), schema }), logger: () => {} })
    await shop.events.subscribe(name, () => Promise.reject(new Error("no\u001b[31m\nforged \u009b line")), {
      attempts: 1,
    })
    await shop.points.open({ accountId: "ann" })
    await expect.poll(() => shop.events.parked({ name }).then(({ items }) => items.length)).toBe(1)
    await shop.stop()
    expect((await run("doctor")).out).toContain(`holdfast parked --schema ${schema} --name '${name}'. Repair`)
    const listed = await run("parked", "--name", name)
    expect(listed.out.split("\n")).toEqual([
      expect.stringMatching(/: Error: no\\u001b\[31m\\nforged \\u009b line$/),
      `1 events of "${name}" are parked.`,
      "",
    ])
    for (const more of [[], ["--again", "all"]])
      expect(await run("parked", "--name", "nobody", ...more)).toEqual({
        code: 1,
        out: "",
        err: `No subscription "nobody" is registered in the schema "${schema}".\n`,
      })
  })

  it("a shop works where the database is set to read no NULL in arrays", async () => {
    await onDatabase(async (there, database) => {
      await ask(`alter database ${database} set array_nulls = off`)
      const shop = shopOn(there, schema)
      try {
        await shop.points.open({ accountId: "ann" })
        expect(await shop.points.charge({ accountId: "ann", amount: 5, key: "first" })).toMatchObject({ balance: 5 })
      } finally {
        await shop.stop()
      }
    })
  })
})
