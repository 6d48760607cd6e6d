/**
 * What the sale looks like while it runs: a few lines that are redrawn in place on a terminal, and a plain line now and
 * then everywhere else.
 */
import { bar, type Canvas, figure, paint, type Style } from "./paint.ts"

/** One line of the picture. */
export interface Gauge {
  readonly label: string
  readonly part: number
  readonly whole: number
  readonly style: Style
  /** Said after the bar. */
  readonly text: string
}

/** At most ten frames a second: calm on a screen, and nearly free. */
const frameMillis = 100
const plainMillis = 1_000

export class Progress {
  readonly #canvas: Canvas
  #drawn = 0
  #timer: NodeJS.Timeout | undefined
  #drawing: Promise<void> = Promise.resolve()

  constructor(canvas: Canvas) {
    this.#canvas = canvas
  }

  /** Shows what `look` sees until `work` is done, and once more at the end. */
  async during<A>(look: () => Promise<ReadonlyArray<Gauge>>, work: () => Promise<A>): Promise<A> {
    const every = this.#canvas.live ? frameMillis : plainMillis
    let looking = false
    const frame = async (): Promise<void> => {
      // A look may take longer than a frame while the shop is busy. Then this frame is left out.
      if (looking) return
      looking = true
      this.#show(await look())
      looking = false
    }
    const frames = (): void => {
      // What a look failed with is said by the work, which asks the same shop.
      this.#drawing = frame().catch(() => {})
    }
    if (this.#canvas.live) frames()
    this.#timer = setInterval(frames, every)
    try {
      return await work()
    } finally {
      clearInterval(this.#timer)
      await this.#drawing
      await frame()
      this.#drawn = 0
    }
  }

  #show(gauges: ReadonlyArray<Gauge>): void {
    const { live, stream } = this.#canvas
    if (!live) {
      stream.write(`  ${gauges.map(({ label, text }) => `${label} ${text}`).join(" · ")}\n`)
      return
    }
    const up = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A`
    stream.write(up + gauges.map((gauge) => `\u001b[2K${this.#line(gauge)}\n`).join(""))
    this.#drawn = gauges.length
  }

  #line({ label, part, whole, style, text }: Gauge): string {
    return `  ${paint(this.#canvas, "dim", label.padEnd(9))} ${bar(this.#canvas, style, part, whole)}  ${text}`
  }
}

/** "1,731 of 5,000 buyers answered" */
export const outOf = (part: number, whole: number, what: string): string =>
  `${figure(part)} of ${figure(whole)} ${what}`
