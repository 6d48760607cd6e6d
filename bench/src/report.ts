/**
 * A result as a table for people.
 */
import type { Result } from "./Scenario.ts"
import { significant } from "./statistics.ts"

export const table = ({ ratios, figures, notes = {}, audit }: Result): string => {
  const rows = [
    ...Object.entries(ratios).map(([name, value]) => [name, ratioText(value), notes[name] ?? ""] as const),
    undefined,
    ...Object.entries(figures).map(([name, value]) => [name, figureText(value), notes[name] ?? ""] as const),
  ]
  const names = Math.max(...rows.map((row) => row?.[0].length ?? 0))
  const values = Math.max(...rows.map((row) => row?.[1].length ?? 0))
  const lines = rows.map((row) =>
    row === undefined ? "" : `  ${row[0].padEnd(names)}  ${row[1].padStart(values)}  ${row[2]}`.trimEnd(),
  )
  return `\n${lines.join("\n")}\n\n  audit ${audit.ok ? "clean" : "FOUND VIOLATIONS"}\n`
}

/** Ratios far below one keep their digits: 1/80 is not 0.01. */
export const ratioText = (value: number | null): string =>
  value === null ? "left out" : value >= 0.1 ? value.toFixed(2) : String(significant(value, 2))

export const figureText = (value: number): string => significant(value, 4).toLocaleString("en-US")
