/**
 * A Prometheus of our own with the rules of `ops/alerts.yaml`, so that a game day sees what the pager would have said. Their
 * `for` is a fifteenth of what it is, and so is an age of a minute: two seconds for half a minute. A game day is short.
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { freePort, leaveOut } from "@holdfast/test-services"

export interface Watch {
  /** Alerts that fired since the last time this was asked. */
  readonly fired: () => Promise<ReadonlyArray<string>>
  /** Waits until an alert fires. */
  readonly until: (name: string) => Promise<void>
  /** Waits until an alert fires no more. */
  readonly over: (name: string) => Promise<void>
  readonly stop: () => Promise<void>
}

const rules = resolve(import.meta.dirname, "../../../ops/alerts.yaml")
const lookMillis = 500

const shortened = (_: string, count: string, unit: string): string =>
  `for: ${Math.ceil((Number(count) * (unit === "m" ? 60 : 1)) / 15)}s`

const shortenedRules = (): string =>
  readFileSync(rules, "utf8")
    .replaceAll(/for: (\d+)(s|m)/g, shortened)
    .replaceAll(/_seconds(\)?) > 60/g, "_seconds$1 > 4")

/** Undefined, and noted as left out, where there is no Prometheus. */
export const watch = async (urls: ReadonlyArray<string>): Promise<Watch | undefined> => {
  if (spawnSync("prometheus", ["--version"]).status !== 0) {
    leaveOut("alerts of the game day: no prometheus here (apt-get install prometheus)")
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), "holdfast-watch-"))
  const targets = urls.map((url) => JSON.stringify(new URL(url).host)).join(", ")
  writeFileSync(join(folder, "alerts.yaml"), shortenedRules())
  writeFileSync(
    join(folder, "prometheus.yml"),
    `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs: [{ job_name: shop, static_configs: [{ targets: [${targets}] }] }]
`,
  )
  const port = await freePort()
  const flags = ["prometheus.yml", "data"].map((name) => join(folder, name))
  const child = spawn(
    "prometheus",
    [`--config.file=${flags[0]}`, `--storage.tsdb.path=${flags[1]}`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: "ignore" },
  )
  const ended = new Promise((end) => child.once("exit", end))
  const seen = new Set<string>()
  let firing: ReadonlySet<string> = new Set()
  const look = async (): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/alerts`).catch(() => undefined)
    if (answer?.status !== 200) return
    const { data } = (await answer.json()) as {
      readonly data: {
        readonly alerts: ReadonlyArray<{ readonly state: string; readonly labels: { readonly alertname: string } }>
      }
    }
    firing = new Set(data.alerts.flatMap(({ state, labels }) => (state === "firing" ? [labels.alertname] : [])))
    for (const name of firing) seen.add(name)
  }
  const looking = setInterval(() => void look(), lookMillis)
  return {
    fired: async () => {
      await look()
      const fired = Array.from(seen).sort()
      seen.clear()
      return fired
    },
    until: async (name) => {
      while (!seen.has(name)) await new Promise((again) => setTimeout(again, lookMillis))
    },
    over: async (name) => {
      while (firing.has(name)) await new Promise((again) => setTimeout(again, lookMillis))
    },
    stop: async () => {
      clearInterval(looking)
      child.kill("SIGKILL")
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
