/**
 * Numbers, bars and a little colour for people. Without colour the text is the same.
 */
import { styleText } from "node:util"

/** What the output can show. */
export interface Canvas {
  readonly stream: NodeJS.WriteStream
  /** A terminal that is redrawn in place, in colour. */
  readonly live: boolean
}

export type Style = Parameters<typeof styleText>[0]

/** Text goes to standard error where standard output belongs to a program (`--json`), and is plain there. */
export const canvasOf = (json: boolean): Canvas => {
  const { CI, NO_COLOR, TERM } = process.env
  const plain = json || Boolean(CI) || Boolean(NO_COLOR) || TERM === "dumb"
  const { stdout, stderr } = process
  return { stream: json ? stderr : stdout, live: !plain && stdout.isTTY && stdout.columns >= minColumns }
}

/** Narrower than this a line would wrap, and redrawing in place would smear. */
const minColumns = 76

export const paint = ({ live, stream }: Canvas, style: Style, text: string): string =>
  live ? styleText(style, text, { stream }) : text

/** A number as people write it: 12,345. */
export const figure = (value: number): string => Math.round(value).toLocaleString("en-US")

export const millis = (value: number): string => `${value < 10 ? value.toFixed(1) : figure(value)} ms`

/** A bar of a fixed width that is filled by the share `part / whole`; empty where there is no whole. */
export const bar = (canvas: Canvas, style: Style, part: number, whole: number): string => {
  const share = whole === 0 ? 0 : Math.min(1, Math.max(0, part / whole))
  const filled = Math.round(share * barWidth)
  return paint(canvas, style, "━".repeat(filled)) + paint(canvas, "dim", "─".repeat(barWidth - filled))
}

const barWidth = 24
