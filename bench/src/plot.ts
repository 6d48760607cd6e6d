/**
 * Plots as SVG text: lines over a quantity, and bars to compare. Colours come from the page's style sheet.
 *
 * An axis that is to scale starts at 0, so that twice as far is twice as much.
 */
import { powersAround, shortText, ticksUpTo } from "./axis.ts"

export type Plot = LinePlot | BarPlot

interface PlotText {
  readonly title: string
  /** What the plot shows, in a sentence. */
  readonly caption: string
  /** With its unit. */
  readonly yLabel: string
}

interface LinePlot extends PlotText {
  readonly type: "lines"
  readonly xLabel: string
  /** `in steps` sets the values that occur at equal distances, which suits those that double. Default: to scale. */
  readonly x?: "to scale" | "in steps" | undefined
  /** Powers of ten keep small and large values apart. Such an axis starts at the power below the smallest value. */
  readonly y?: "to scale" | "in powers of ten" | undefined
  readonly series: ReadonlyArray<{
    readonly name: string
    readonly points: ReadonlyArray<readonly [x: number, y: number]>
  }>
}

interface BarPlot extends PlotText {
  readonly type: "bars"
  readonly bars: ReadonlyArray<{ readonly name: string; readonly value: number }>
}

const width = 760
const inner = { left: 74, right: 744, top: 16 } as const

export const svgOf = (plot: Plot): string => (plot.type === "lines" ? linesOf(plot) : barsOf(plot))

const linesOf = ({ title, xLabel, yLabel, series, x: xKind, y: yKind }: LinePlot): string => {
  const height = 340
  const bottom = height - 52
  // One line needs no legend: the axis says what it is.
  const named = series.length > 1
  const top = named ? inner.top + 24 : inner.top
  const points = series.flatMap((curve) => curve.points)
  const [xs, ys] = [points.map(([px]) => px), points.map(([, py]) => py)]
  const xTicks = xKind === "in steps" ? distinct(xs) : ticksUpTo(Math.max(...xs), 8)
  const yTicks = yKind === "in powers of ten" ? powersAround(ys) : ticksUpTo(Math.max(...ys))
  const x = xKind === "in steps" ? steps(xTicks, inner.left, inner.right) : scale(xTicks, inner.left, inner.right)
  const y = yKind === "in powers of ten" ? powers(yTicks, bottom, top) : scale(yTicks, bottom, top)
  const grid = yTicks.map(
    (tick) =>
      line("grid", inner.left, y(tick), inner.right, y(tick)) +
      text("tick end", inner.left - 8, y(tick) + 4, shortText(tick)),
  )
  const marks = xTicks.map((tick) => text("tick middle", x(tick), bottom + 18, shortText(tick)))
  return frame(title, height, [
    ...grid,
    ...marks,
    ...series.map((curve, index) => curveOf(curve, index, x, y)),
    ...(named ? [legendOf(series.map(({ name }) => name))] : []),
    text("label middle", (inner.left + inner.right) / 2, height - 8, xLabel),
    `<text class="label middle" transform="translate(16 ${(top + bottom) / 2}) rotate(-90)">${escaped(yLabel)}</text>`,
  ])
}

const curveOf = (
  { name, points }: LinePlot["series"][number],
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string => {
  const places = points.map(([px, py]) => ({ cx: x(px).toFixed(1), cy: y(py).toFixed(1), px, py }))
  const dots = places.map(({ cx, cy, px, py }) => {
    const told = escaped(`${name}: ${shortText(py)} at ${shortText(px)}`)
    return `<circle class="dot s${index}" cx="${cx}" cy="${cy}" r="3"><title>${told}</title></circle>`
  })
  return `<polyline class="curve s${index}" points="${places.map(({ cx, cy }) => `${cx},${cy}`).join(" ")}"/>${dots.join("")}`
}

/** Each line's stroke and name, one beside the other, as far apart as the names are long. */
const legendOf = (names: ReadonlyArray<string>): string => {
  let left: number = inner.left
  return names
    .map((name, index) => {
      const entry = line(`curve s${index}`, left, 12, left + 22, 12) + text("tick", left + 30, 16, name)
      left += 60 + 6.5 * name.length
      return entry
    })
    .join("")
}

const barsOf = ({ title, yLabel, bars }: BarPlot): string => {
  const left = 230
  const rowHeight = 30
  const bottom = inner.top + bars.length * rowHeight
  const height = bottom + 52
  const ticks = ticksUpTo(Math.max(...bars.map(({ value }) => value)))
  const x = scale(ticks, left, inner.right - 40)
  const grid = ticks.map(
    (tick) =>
      line("grid", x(tick), inner.top, x(tick), bottom) + text("tick middle", x(tick), bottom + 18, shortText(tick)),
  )
  const rows = bars.map(({ name, value }, index) => {
    const top = inner.top + index * rowHeight
    const bar = `<rect class="bar" x="${left}" y="${top + 6}" width="${(x(value) - left).toFixed(1)}" height="${rowHeight - 12}" rx="2"/>`
    return (
      bar +
      text("tick end", left - 10, top + rowHeight / 2 + 4, name) +
      text("tick", x(value) + 8, top + rowHeight / 2 + 4, shortText(value))
    )
  })
  return frame(title, height, [...grid, ...rows, text("label middle", (left + inner.right) / 2, height - 8, yLabel)])
}

const scale =
  (ticks: ReadonlyArray<number>, from: number, to: number) =>
  (value: number): number =>
    from + ((to - from) * value) / (ticks.at(-1) ?? 1)

/** Values at equal distances, with half a distance on both sides. */
const steps =
  (values: ReadonlyArray<number>, from: number, to: number) =>
  (value: number): number =>
    from + ((to - from) * (values.indexOf(value) + 0.5)) / values.length

const distinct = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  Array.from(new Set(values)).sort((left, right) => left - right)

const powers =
  (ticks: ReadonlyArray<number>, from: number, to: number) =>
  (value: number): number => {
    const [lowest, highest] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)]
    return from + ((to - from) * (Math.log10(value) - lowest)) / (highest - lowest)
  }

const frame = (title: string, height: number, parts: ReadonlyArray<string>): string =>
  `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">\n${parts.join("\n")}\n</svg>`

const line = (style: string, x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="${style}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"/>`

const text = (style: string, x: number, y: number, content: string): string =>
  `<text class="${style}" x="${x.toFixed(1)}" y="${y.toFixed(1)}">${escaped(content)}</text>`

/** Text that may stand anywhere in HTML. */
export const escaped = (content: string): string =>
  content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
