/**
 * `npm run gameday`. Exit code 0 where nothing was lost, nothing sold twice, nobody answered wrongly and the books are right.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { environmentNow } from "../environment.ts"
import { pageOf } from "../page.ts"
import { type GameDayReport, gameDay } from "./gameday.ts"

const say = (text: string): void => {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`)
}

const page = async (report: GameDayReport): Promise<string> => {
  const { steps, lost, oversold, orders, audit } = report
  const html = pageOf(
    { name: "game day", about: "One fault after the other, while people buy from three processes." },
    environmentNow(),
    {
      ratios: {},
      figures: { lost, oversold, orders },
      audit,
      plots: [
        {
          type: "bars",
          title: "Longest time without a sale",
          caption: "In each step, its fault and its mending included.",
          yLabel: "milliseconds",
          bars: steps.map(({ name, longestGapMillis }) => ({ name, value: longestGapMillis })),
        },
      ],
      texts: [
        {
          title: "Alerts that fired",
          text: steps
            .map(
              ({ name, alerts }) => `${name}: ${alerts === undefined ? "nobody watched" : alerts.join(" ") || "none"}`,
            )
            .join("\n"),
        },
      ],
    },
  )
  const folder = join(import.meta.dirname, "../../results")
  await mkdir(folder, { recursive: true })
  const file = join(folder, "gameday.html")
  await writeFile(file, html)
  return file
}

const report = await gameDay(say)
if (report === undefined) process.exit(1)
say(await page(report))
const { lost, oversold, audit, steps, leftOut } = report
if (process.argv.includes("--json"))
  console.log(JSON.stringify({ lost, oversold, audit, orders: report.orders, steps, leftOut }))
const isWell =
  lost === 0 &&
  oversold === 0 &&
  audit.ok &&
  steps.every(({ wrongAnswers, alertsAsExpected }) => wrongAnswers === 0 && alertsAsExpected)
say(isWell ? "nothing lost, nothing sold twice" : "SOMETHING WENT WRONG")
process.exit(isWell ? 0 : 1)
