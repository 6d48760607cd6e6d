import { type AuditReport, isHoldfastError } from "@holdfast/core"
import { messageOfThrown } from "@holdfast/core/ports"
import type { Options } from "./arguments.ts"
import { withShop } from "./withShop.ts"

/** `holdfast audit`: true where every promise held. Sales may go on meanwhile; it reads in pages and changes nothing. */
export const audit = async (options: Options): Promise<boolean> => {
  const report = await recounted(options).catch((error: unknown) => {
    // Whoever asked for a document gets one, also where nothing could be recounted.
    if (options.json) return { ok: false, error: messageOfThrown(error) }
    throw error
  })
  console.log("checks" in report && !options.json ? pageOf(report) : JSON.stringify(report))
  return report.ok
}

const recounted = (options: Options): Promise<AuditReport> =>
  withShop(options, async (shop) => {
    try {
      return await shop.audit.run()
    } catch (error) {
      // Nothing was to be changed, so there is no outcome to wonder about: only the reason matters.
      const no = isHoldfastError(error) ? error.unavailable : undefined
      throw no?._tag === "StoreUnavailable" || no?._tag === "StoreRejected" ? new Error(no.reason) : error
    }
  })

/** What people read. A check that could not be told is neither kept nor broken. */
export const pageOf = ({ ok, checks }: Pick<AuditReport, "ok" | "checks">): string => {
  const lines = checks.flatMap(({ id, title, checked, violations, unsettled, examples }) => [
    `${violations > 0 ? "BROKEN" : unsettled > 0 ? "?     " : "ok    "}  ${id.padEnd(18)} ${String(checked).padStart(9)}  ${title}`,
    ...examples.map(
      ({ key, expected, found, note }) =>
        `          ${JSON.stringify(key)}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}${note === undefined ? "" : ` (${note})`}`,
    ),
    ...(violations > examples.length ? [`          and ${violations - examples.length} more`] : []),
    ...(unsettled > 0 ? [`          ${unsettled} kept changing while they were recounted: run it again`] : []),
  ])
  const broken = checks.filter(({ violations }) => violations > 0).length
  const open = checks.filter(({ violations, unsettled }) => violations === 0 && unsettled > 0).length
  const held =
    open === 0 ? "Every promise held." : `No promise is broken, but ${open} of ${checks.length} are not told.`
  return [...lines, ok ? held : `${broken} of ${checks.length} promises are broken.`].join("\n")
}
