/**
 * What the command says of a report.
 */
import { expect, it } from "vitest"
import { pageOf } from "../../src/cli/audit.ts"

const check = { id: "sales-buckets", title: "Buckets", checked: 7, violations: 0, unsettled: 0, examples: [] } as const

it("says that every promise held only where each was recounted", () => {
  expect(pageOf({ ok: true, checks: [check] })).toMatch(/^ok .*\nEvery promise held\.$/)
  const page = pageOf({ ok: true, checks: [check, { ...check, unsettled: 2 }] })
  expect(page).toMatch(/^\? .*\n +2 kept changing while they were recounted: run it again$/m)
  expect(page).toMatch(/\nNo promise is broken, but 1 of 2 are not told\.$/)
  const broken = { ...check, violations: 1, unsettled: 1 }
  const brokenPage = pageOf({ ok: false, checks: [check, broken] })
  expect(brokenPage).toMatch(/^BROKEN /m)
  expect(brokenPage).toMatch(/\n1 of 2 promises are broken\.$/)
})
