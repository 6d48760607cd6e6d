/**
 * How long the turns of this process's event loop take, by CPU time: what others do on the machine is not counted.
 *
 * A timer looks every millisecond, so a turn that takes longer is told as it is, and shorter ones by what a millisecond of
 * them came to.
 */
export class Turns {
  #taken: Array<number> = []
  #last = cpuMillis()

  constructor() {
    setInterval(() => {
      const now = cpuMillis()
      this.#taken.push(now - this.#last)
      this.#last = now
    }, 1).unref()
  }

  /** Since the last time. */
  take(): ReadonlyArray<number> {
    const taken = this.#taken
    this.#taken = []
    return taken
  }
}

const cpuMillis = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
