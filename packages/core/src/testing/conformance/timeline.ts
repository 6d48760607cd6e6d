/**
 * A trial as people read it: a column for each client, what began and what ended from top to bottom. As text for
 * terminals, and as one page with a picture in it.
 */

import type { PlannedCall } from "../trial/Plan.ts"
import type { Op, Reply, TrialRecord } from "../trial/Trial.ts"
import type { Attempt, Breach } from "./Adapter.ts"

/** What there is to show of a trial, and the calls that were never answered. */
interface Shown extends Pick<TrialRecord, "plan" | "ops" | "reads" | "faultsMet"> {
  readonly unanswered: Attempt["glimpse"]["asked"]
}

const shownOf = ({ plan, record, glimpse }: Attempt): Shown =>
  record === undefined
    ? { plan, ops: glimpse.ops, reads: glimpse.reads, faultsMet: [], unanswered: glimpse.asked }
    : { ...record, unanswered: new Map() }

interface Row {
  readonly at: number
  readonly client: number
  readonly text: string
  readonly marked: boolean
}

const widest = 38

/** The trial as text. Lines of calls that broke the law are marked. */
export const timelineText = (attempt: Attempt, breach: Breach): string => {
  const record = shownOf(attempt)
  const clients = record.plan.clients.map((_, client) => client)
  const line = (cells: ReadonlyArray<string>): string =>
    cells
      .map((cell) => cell.padEnd(widest))
      .join("| ")
      .trimEnd()
  const before = [...record.plan.setup, ...(record.plan.warmUp ?? [])]
  const setup = before.map((planned) => `  ${callText(planned)}`)
  const rows = rowsOf(record, breach).map(({ client, text, marked }) => {
    const cells = clients.map((each) => (each === client ? text.slice(0, widest) : ""))
    return `${line(cells)}${marked ? "   <-" : ""}`
  })
  return [
    `[${breach.law.id} ${breach.law.level}] ${breach.law.title}`,
    breach.violation.message,
    ...(record.faultsMet.length > 0 ? [`with: ${record.faultsMet.join(", ")}`] : []),
    "before:",
    ...setup,
    line(clients.map((client) => `client ${client}`)),
    line(clients.map(() => "-".repeat(widest - 2))),
    ...rows,
  ].join("\n")
}

const rowsOf = ({ ops, reads, unanswered }: Shown, { violation }: Breach): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  for (const op of ops) {
    if (op.client < 0) continue
    const marked = violation.ops.includes(op)
    rows.push({
      at: op.start,
      client: op.client,
      text: `+ ${callText(op.planned)}${op.again ? " (again)" : ""}`,
      marked: false,
    })
    rows.push({ at: op.end + 0.5, client: op.client, text: `- ${op.planned.call} → ${replyText(op.reply)}`, marked })
  }
  for (const read of reads) {
    rows.push({ at: read.start, client: read.client, text: `+ read ${read.what} ${read.id}`, marked: false })
    const seen = read.seen === undefined ? "nothing" : `${read.seen.counter} at ${read.seen.position}`
    rows.push({ at: read.end + 0.5, client: read.client, text: `- read ${read.id} → ${seen}`, marked: false })
  }
  for (const [client, { start, calls }] of unanswered) {
    if (client < 0) continue
    for (const planned of calls) {
      rows.push({ at: start, client, text: `+ ${callText(planned)}`, marked: false })
      rows.push({ at: Number.MAX_SAFE_INTEGER, client, text: `- ${planned.call} → never`, marked: true })
    }
  }
  return rows.sort((left, right) => left.at - right.at)
}

/** A call as one would say it: `orders.place ada pen 1`. */
const callText = ({ call, input, key, order }: PlannedCall): string => {
  const values = Object.values(input).flatMap(valueTexts)
  const on = order === undefined ? [] : [`order "${order}"`]
  return [call, ...values, ...on, ...(key === undefined ? [] : [`key "${key}"`])].join(" ")
}

const valueTexts = (value: unknown): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => valueTexts(item))
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(valueTexts)
  return [String(value)]
}

const replyText = (reply: Reply): string => {
  switch (reply._tag) {
    case "Accepted":
    case "Replayed":
      return `${reply._tag === "Accepted" ? "ok" : "again"}${positionText(reply.answer)}`
    case "Refused":
      return reply.refusal._tag
    case "Unavailable":
      return `${reply.what}, ${reply.outcome}`
    case "Left":
      return reply.taken ? "left too late" : "left in time"
    case "Crashed":
      return "its process ended"
    case "Defect":
      return `defect: ${reply.message}`
  }
}

const positionText = (answer: object): string => {
  for (const field of ["seq", "revision", "ticket", "balance"]) {
    const value: unknown = Reflect.get(answer, field)
    if (value !== undefined) return ` ${field} ${String(value)}`
  }
  return ""
}

const laneHeight = 46
const unit = 26
const left = 90

/** The trial as one self-contained HTML page: bars for calls, red where the law was broken, details on hover. */
export const timelineHtml = (attempt: Attempt, breach: Breach, token: string): string => {
  const record = shownOf(attempt)
  const ops = record.ops.filter(({ client }) => client >= 0)
  const open = Array.from(record.unanswered).filter(([client]) => client >= 0)
  const starts = [...ops, ...record.reads, ...open.map(([, asked]) => asked)].map(({ start }) => start)
  const first = starts.length === 0 ? 0 : Math.min(...starts)
  const last = Math.max(...[...ops, ...record.reads].map(({ end }) => end), ...starts, first) + 1
  const x = (position: number): number => left + (position - first) * unit
  const bar = (client: number, start: number, end: number, colour: string, label: string, details: string): string => {
    const y = 30 + client * laneHeight
    const width = Math.max(unit / 2, x(end) - x(start))
    return `<g><title>${escaped(details)}</title><rect x="${x(start)}" y="${y}" width="${width}" height="22" rx="4" fill="${colour}"/><text x="${x(start) + 4}" y="${y + 36}" class="s">${escaped(label)}</text></g>`
  }
  const lanes = record.plan.clients.map(
    (_, client) =>
      `<text x="8" y="${45 + client * laneHeight}">client ${client}</text><line x1="${left}" x2="${x(last) + unit}" y1="${41 + client * laneHeight}" y2="${41 + client * laneHeight}" class="l"/>`,
  )
  const bars = ops.map((op) => bar(op.client, op.start, op.end, colourOf(op, breach), op.planned.call, detailsOf(op)))
  const looks = record.reads.map((read) =>
    bar(read.client, read.start, read.end, "#9db4c0", `read ${read.id}`, JSON.stringify(read.seen ?? null)),
  )
  const never = open.map(([client, { start, calls }]) =>
    bar(client, start, last, "#d1495b", `${calls[0]?.call ?? ""}: never answered`, calls.map(callText).join("\n")),
  )
  const height = 50 + record.plan.clients.length * laneHeight
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(breach.law.id)}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222}svg{font:13px system-ui;max-width:100%}.s{font-size:10px;fill:#555}.l{stroke:#ddd}pre{background:#f6f6f6;padding:1rem;overflow:auto}</style>
<h1>${escaped(breach.law.id)}: ${escaped(breach.law.title)}</h1>
<p>${escaped(breach.violation.message)}</p><p><small>${escaped(breach.law.why)}</small></p>
<svg role="img" viewBox="0 0 ${x(last) + 2 * unit} ${height}" width="${x(last) + 2 * unit}" height="${height}">${lanes.join("")}${bars.join("")}${looks.join("")}${never.join("")}</svg>
<pre>${escaped(timelineText(attempt, breach))}</pre><h2>Replay</h2><pre>${escaped(token)}</pre></html>
`
}

const colourOf = (op: Op, { violation }: Breach): string => {
  if (violation.ops.includes(op)) return "#d1495b"
  return op.reply._tag === "Accepted" || op.reply._tag === "Replayed" ? "#66a182" : "#edae49"
}

const detailsOf = ({ planned, reply, commandId }: Op): string =>
  `${callText(planned)}\n${JSON.stringify(reply)}\ncommand ${commandId}`

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
