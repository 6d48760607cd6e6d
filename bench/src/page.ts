/**
 * A result as one HTML page that needs nothing else: no script, no request.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Environment, environmentText } from "./environment.ts"
import { escaped, type Plot, svgOf } from "./plot.ts"
import { figureText, ratioText } from "./report.ts"
import type { Result, Scenario } from "./Scenario.ts"

const folder = join(import.meta.dirname, "..", "results")

/** Writes `results/<scenario>.html` and answers where it is. */
export const writePage = async (scenario: Scenario, environment: Environment, result: Result): Promise<string> => {
  const file = join(folder, `${scenario.name}.html`)
  await mkdir(folder, { recursive: true })
  await writeFile(file, pageOf(scenario, environment, result))
  return file
}

export const pageOf = (
  { name, about }: Pick<Scenario, "name" | "about">,
  environment: Environment,
  { ratios, figures, notes = {}, audit, plots = [], texts = [] }: Result,
): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast bench: ${escaped(name)}</title>
<style>${style}</style>
<h1>${escaped(name)}</h1>
<p>${escaped(about)}</p>
<p class="dim">${escaped(environmentText(environment))}. Audit ${audit.ok ? "clean" : "<b>found violations</b>"}.</p>
${tableOf("ratio", ratios, ratioText, notes)}
${plots.map(figureOf).join("\n")}
${tableOf("figure", figures, figureText, notes)}
${texts.map(({ title, text }) => `<h2>${escaped(title)}</h2>\n<pre>${escaped(text)}</pre>`).join("\n")}
</html>
`

const figureOf = (plot: Plot): string => `<figure>
<h2>${escaped(plot.title)}</h2>
${svgOf(plot)}
<figcaption>${escaped(plot.caption)}</figcaption>
</figure>`

const tableOf = <Value extends number | null>(
  what: string,
  numbers: Readonly<Record<string, Value>>,
  textOf: (value: Value) => string,
  notes: Readonly<Record<string, string>>,
): string => {
  if (Object.keys(numbers).length === 0) return ""
  const explained = Object.keys(numbers).some((name) => notes[name] !== undefined)
  const rows = Object.entries(numbers).map(
    ([name, value]) =>
      `<tr><td>${escaped(name)}<td class="number">${textOf(value)}${explained ? `<td class="dim">${escaped(notes[name] ?? "")}` : ""}`,
  )
  return `<table><tr><th>${what}<th class="number">value${explained ? "<th>meaning" : ""}\n${rows.join("\n")}\n</table>`
}

const style = `
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e6e6e6); --dim: light-dark(#667, #99a); --grid: light-dark(#e3e5e8, #333a42) }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: light-dark(#fff, #16191d); max-width: 800px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 0 0 .5rem } p { margin: .3rem 0 }
figure { margin: 2rem 0 } figcaption, .dim { color: var(--dim) } svg { width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; font-size: .9rem }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--grid); vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums }
pre { overflow-x: auto; font-size: .8rem; line-height: 1.4; padding: .6rem .8rem; background: var(--grid); border-radius: 4px }
text { font-size: 12px; fill: var(--ink) } .tick { fill: var(--dim) } .end { text-anchor: end } .middle { text-anchor: middle }
.grid { stroke: var(--grid) } .curve { fill: none; stroke-width: 2 } .bar { fill: #3a6ea5 }
.s0 { stroke: #3a6ea5 } .s1 { stroke: #c2702b } .s2 { stroke: #3f8f5b } .s3 { stroke: #8a5aa8 } .dot { fill: var(--grid); stroke-width: 1.5 }
`
