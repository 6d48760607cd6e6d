import { execFileSync, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHoldfast, inProcessBus, measurementsOf, prometheusName, type StoreFault } from "@holdfast/core"
import { MemoryStore } from "@holdfast/core/memory"
import { Store } from "@holdfast/core/ports"
import { freePort, leaveOut } from "@holdfast/test-services"
import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { shopHandler } from "../src/index.ts"
import { toNodeHandler } from "../src/node/index.ts"
import { askOf, callerOfHeader } from "./support.ts"

const root = new URL("../../../", import.meta.url)
const file = (path: string): string => readFileSync(new URL(path, root), "utf8")
const alerts = file("ops/alerts.yaml")

/** Undefined, and noted as left out, where Debian's package is not installed. */
const prometheus = (what: string, binary: string): string | undefined => {
  if (spawnSync(binary, ["--version"]).status === 0) return binary
  leaveOut(`${what}: no ${binary} here (apt-get install prometheus)`)
  return undefined
}

/** A shop that has everything which there are metrics of, on a store that can be taken away. */
const furnished = async () => {
  const store = await Effect.runPromise(MemoryStore.make)
  let away = false
  const lost: StoreFault = { _tag: "Lost", reason: "the store is away" }
  const products: typeof store.reads.products = (ids) => (away ? Effect.fail(lost) : store.reads.products(ids))
  const layer = Layer.succeed(Store, { ...store, reads: { ...store.reads, products } })
  const shop = createHoldfast({ store: { name: "memory", layer }, bus: inProcessBus(), logger: () => {} })
  onTestFinished(() => shop.stop())
  await shop.points.open({ accountId: "ann" })
  await shop.events.subscribe("mail", () => {})
  await shop.points.charge({ accountId: "ann", amount: 1, key: "1" })
  await shop.events.settled("mail")
  await expect.poll(async () => (await shop.health()).bus?.published).toBeGreaterThan(0)
  return {
    handler: shopHandler(shop, callerOfHeader),
    takeStoreAway: (): void => {
      away = true
    },
  }
}

const metricsIn = (text: string): ReadonlySet<string> => new Set(text.match(/\bholdfast_[a-z_]+/g))

describe("alerts and dashboard", () => {
  it("name only metrics that a shop has", async () => {
    const { handler } = await furnished()
    const ask = askOf(handler, { "x-caller": "ann" })
    await ask("GET", "/users/ann/points")
    const { text } = await ask("GET", "//metrics")
    const samples = new Set(text.split("\n").flatMap((line) => /^(holdfast_\w+)/.exec(line)?.[1] ?? []))
    expect(samples.size).toBeGreaterThan(25)
    for (const source of ["ops/alerts.yaml", "ops/grafana/holdfast.json"]) {
      const named = metricsIn(file(source))
      expect(named.size).toBeGreaterThan(10)
      for (const name of named) expect(samples, `${source} names ${name}`).toContain(name)
    }
    // And whatever a shop has is on the page that says what it means.
    const page = file("docs/operations/telemetry.md")
    for (const name of samples) {
      const [base = name] = name.split(/_(?:bucket|sum|count)$/)
      const short = base.replace(/^holdfast_(?:subscription|bus)/, "")
      expect(page.includes(base) || page.includes(`\`${short}\``), `telemetry.md tells of ${base}`).toBe(true)
    }
  })

  it("have their seconds under the same name by an exporter that adds no units, with the views of the page", async () => {
    const shop = createHoldfast()
    const inSeconds = measurementsOf(await shop.health()).filter(({ unit }) => unit === "s")
    await shop.stop()
    const [, listed = ""] = /const inSeconds = \[(.*?)\]/.exec(file("docs/operations/telemetry.md")) ?? []
    expect(inSeconds.map(({ name }) => `"${name.slice("holdfast.".length)}"`)).toEqual(listed.split(", "))
    for (const { name, kind, unit } of inSeconds) {
      expect(prometheusName({ name: `${name}_seconds`, kind, unit: "" })).toBe(prometheusName({ name, kind, unit }))
    }
  })

  it("can be reached by a queue that is full of one account's calls", async () => {
    const store = await Effect.runPromise(MemoryStore.make)
    let isStuck = false
    const transact: typeof store.transact = (...batch) => (isStuck ? Effect.never : store.transact(...batch))
    const shop = createHoldfast({
      store: { name: "stuck", layer: Layer.succeed(Store, { ...store, transact }) },
      logger: () => {},
    })
    onTestFinished(() => shop.stop({ drainMillis: 0 }))
    await shop.points.open({ accountId: "ann" })
    isStuck = true
    const answers = Array.from({ length: 6_000 }, (_, n) =>
      shop.safe.points.charge({ accountId: "ann", amount: 1, key: `${n}` }),
    )
    const first = await Promise.race(answers)
    expect(first).toMatchObject({ ok: false, error: { code: "OVERLOADED" } })
    const [, most] = /holdfast_queue_depth > (\d+)/.exec(alerts) ?? []
    expect((await shop.health()).metrics.queueDepth).toBeGreaterThan(Number(most))
  })

  it("leave out only a route that there is, and where waiting is asked for", async () => {
    const { handler } = await furnished()
    const ask = askOf(handler, { "x-caller": "ann" })
    await ask("GET", "/coupons/issue-requests/some?wait=1")
    const { text } = await ask("GET", "//metrics")
    for (const source of ["ops/alerts.yaml", "ops/grafana/holdfast.json"]) {
      const routes = Array.from(file(source).matchAll(/route!=\\?"(.*?)\\?"/g), ([, route]) => route)
      expect(routes.length).toBeGreaterThan(0)
      for (const route of routes) expect(text).toContain(`bucket{route="${route}"`)
    }
  })

  it("have a runbook and a case for each alert", () => {
    const runbooks = file("docs/operations/runbooks.md")
    const cases = file("ops/alerts.test.yaml")
    const names = Array.from(alerts.matchAll(/- alert: (\w+)/g), ([, name]) => name)
    const anchors = Array.from(alerts.matchAll(/runbooks\.md#([\w-]+)/g), ([, anchor]) => anchor)
    expect(anchors).toHaveLength(names.length)
    const headings = Array.from(runbooks.matchAll(/^## (.+)$/gm), ([, heading]) =>
      heading
        ?.toLowerCase()
        .replaceAll(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    )
    for (const anchor of anchors) expect(headings).toContain(anchor)
    for (const name of names) expect(cases).toContain(`alertname="${name}"`)
  })

  it("have runbooks and panels whose questions Prometheus understands, however seldom it scrapes", () => {
    const asked = Array.from(
      file("docs/operations/runbooks.md").matchAll(/`([^`]*holdfast_[^`]*)`/g),
      ([, expr]) => expr,
    )
    const { panels } = JSON.parse(file("ops/grafana/holdfast.json")) as {
      readonly panels: ReadonlyArray<{ readonly targets: ReadonlyArray<{ readonly expr: string }> }>
    }
    const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    expect([asked.length > 5, shown.length > 20]).toEqual([true, true])
    // By default it scrapes once a minute, and a rate takes two samples.
    for (const expr of [...asked, ...shown]) expect(expr).not.toMatch(/\[(?:\d+s|1m)\]/)
    const promtool = prometheus("questions of the runbooks, asked by promtool", "promtool")
    if (promtool === undefined) return
    const rules = [...asked, ...shown].map((expr, index) => ({
      record: `asked:${index}`,
      expr: expr?.replaceAll("$__rate_interval", "4m"),
    }))
    const folder = mkdtempSync(join(tmpdir(), "holdfast-asked-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, "asked.yaml"), JSON.stringify({ groups: [{ name: "asked", rules }] }))
    const { status, stderr } = spawnSync(promtool, ["check", "rules", join(folder, "asked.yaml")])
    expect([status, String(stderr)]).toEqual([0, expect.anything()])
  })

  it("fire for their faults, and none for a healthy fleet", () => {
    const promtool = prometheus("alerts evaluated by promtool", "promtool")
    if (promtool === undefined) return
    const said = execFileSync(promtool, ["test", "rules", "alerts.test.yaml"], { cwd: new URL("ops/", root) })
    expect(String(said)).toContain("SUCCESS")
    // A rule that cannot fire is seen: the same cases, and one threshold moved out of reach.
    const folder = mkdtempSync(join(tmpdir(), "holdfast-alerts-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, "alerts.yaml"), alerts.replace("holdfast_busy_keys > 0", "holdfast_busy_keys > 1e9"))
    writeFileSync(join(folder, "alerts.test.yaml"), file("ops/alerts.test.yaml"))
    expect(spawnSync(promtool, ["test", "rules", "alerts.test.yaml"], { cwd: folder }).status).not.toBe(0)
  })

  it("fire in a Prometheus that scrapes a shop whose store is away", async () => {
    const binary = prometheus("an alert for a live fault", "prometheus")
    if (binary === undefined) return
    const { handler, takeStoreAway } = await furnished()
    const server = createServer(toNodeHandler(handler))
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const folder = mkdtempSync(join(tmpdir(), "holdfast-prometheus-"))
    writeFileSync(join(folder, "alerts.yaml"), alerts.replaceAll(/for: \w+/g, "for: 0s"))
    writeFileSync(
      join(folder, "prometheus.yml"),
      `global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }
rule_files: [alerts.yaml]
scrape_configs: [{ job_name: shop, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]
`,
    )
    const own = await freePort()
    const running = spawn(
      binary,
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${own}`,
      ],
      { stdio: "ignore" },
    )
    const ended = new Promise((end) => running.once("exit", end))
    onTestFinished(async () => {
      running.kill("SIGKILL")
      await ended
      rmSync(folder, { recursive: true })
    })
    const asked = async (path: string): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${own}/api/v1/${path}`)).json()
    await expect.poll(() => asked("query?query=holdfast_store_reachable").then(JSON.stringify, String)).toMatch(/"1"\]/)
    expect(await asked("alerts")).toMatchObject({ data: { alerts: [] } })
    takeStoreAway()
    await expect
      .poll(() => asked("alerts"))
      .toMatchObject({ data: { alerts: [{ labels: { alertname: "HoldfastStoreUnreachable" }, state: "firing" }] } })
  })
})
