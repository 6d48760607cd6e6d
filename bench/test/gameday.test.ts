/**
 * The game day, as `npm run gameday` runs it: every fault, one after the other, while people buy.
 */
import { expect, it } from "vitest"
import { faults } from "../src/gameday/faults.ts"
import { gameDay } from "../src/gameday/gameday.ts"

it("loses nothing, sells nothing twice and answers nobody wrongly, whatever goes wrong", async (context) => {
  const said: Array<string> = []
  const report = await gameDay((text) => said.push(text))
  if (report === undefined) return context.skip("no PostgreSQL here")
  const told = said.join("\n")
  expect(report, told).toMatchObject({ lost: 0, oversold: 0, audit: { ok: true } })
  expect(report.orders).toBeGreaterThan(faults.length * 30)
  // What other services lack, the run says at its end; a disk is filled where one may be mounted.
  const names = faults.map(({ name }) => name)
  expect(report.steps.map(({ name }) => name)).toEqual(names.filter((name) => !report.leftOut.includes(name)))
  for (const { name, wrongAnswers, alerts } of report.steps) {
    expect(wrongAnswers, `${name}\n${told}`).toBe(0)
    // On a slow machine others may fire too, such as for slow answers; those that have to, do.
    const expected = faults.find((fault) => fault.name === name)?.alerts ?? []
    if (alerts !== undefined) expect(alerts, told).toEqual(expect.arrayContaining([...expected]))
  }
})
