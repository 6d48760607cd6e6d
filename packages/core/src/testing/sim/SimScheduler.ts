/**
 * The scheduler of a simulation: at every step it asks who runs next, and it writes every answer on a tape.
 *
 * A fiber can be stopped at any operation and anybody else can go on instead; where only one can go on there is nothing
 * to decide and nothing is written. The same tape gives the same run. Answer 0 always means "whoever runs goes on", so a
 * tape of zeros is the run without interference, and the other numbers are the switches.
 */
import type { Fiber, Scheduler } from "effect"

/** One place at which somebody has to be chosen. */
export interface ChoicePoint {
  /** How many may run: the answer is 0 … options − 1. */
  readonly options: number
  /** Whose turn each option is: a number for each fiber, in the order in which fibers first ran. */
  readonly fiberOf: (option: number) => number
  /** True where the running fiber would be stopped in the middle; false where it stopped by itself. */
  readonly preempts: boolean
}

/** Answers choice points. What it answers out of range counts as 0. */
export type Chooser = (point: ChoicePoint) => number

/** A decision as the exhaustive search needs it: what was chosen, and out of how many. */
export interface Decision {
  readonly chosen: number
  readonly options: number
}

interface Task {
  readonly run: () => void
  readonly fiber: number
}

/** A fiber needs a few operations to get going again after a yield; stopping it before would stop it for ever. */
const operationsToResume = 3
/** How often in a row one fiber may yield to itself before the others get a turn, whatever the tape says. */
const mostTurnsInARow = 256

export class SimScheduler implements Scheduler.Scheduler {
  readonly executionMode = "sync" as const
  readonly decisions: Array<Decision> = []
  /** How many turns were taken. */
  steps = 0
  readonly #choose: Chooser
  readonly #preempt: boolean
  readonly #ready: Array<Task> = []
  readonly #numbers = new WeakMap<Scheduler.SchedulerDispatcher, number>()
  #fibers = 0
  #running = -1
  #turnsInARow = 0
  #next: Task | undefined
  readonly #stopped = new Set<Fiber.Fiber<unknown, unknown>>()
  #turnOf: Fiber.Fiber<unknown, unknown> | undefined

  /** `preempt` false lets fibers run until they yield or wait by themselves, which makes far fewer schedules. */
  constructor(choose: Chooser, preempt: boolean) {
    this.#choose = choose
    this.#preempt = preempt
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    // The first to ask in a turn is the fiber whose turn it is. Any other one was started or resumed on its stack, and when
    // that one stops, the fiber below goes on, whoever else is ready.
    this.#turnOf ??= fiber
    if (!this.#preempt || !this.#mayStop(fiber)) return false
    if (fiber !== this.#turnOf) {
      const stops =
        this.#decide({
          options: 2,
          fiberOf: (option) => (option === 0 ? this.#numberOf(fiber) : this.#running),
          preempts: true,
        }) === 1
      if (stops) this.#stopped.add(fiber)
      return stops
    }
    if (this.#ready.length === 0) return false
    const ready = this.#ready
    const running = this.#running
    const chosen = this.#decide({
      options: ready.length + 1,
      fiberOf: (option) => (option === 0 ? running : (ready[option - 1]?.fiber ?? running)),
      preempts: true,
    })
    if (chosen === 0) return false
    this.#next = ready[chosen - 1]
    this.#stopped.add(fiber)
    return true
  }

  // A fiber that was stopped needs a few operations to get back to where it was, and one that begins its turn has done
  // nothing yet. Stopping either there would change nothing, and could go on for ever.
  #mayStop(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    const operations = fiber.currentOpCount
    if (!this.#stopped.has(fiber)) return operations > 1 || fiber !== this.#turnOf
    if (operations <= operationsToResume) return false
    this.#stopped.delete(fiber)
    return true
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const fiber = this.#fibers++
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (run) => {
        this.#ready.push({ run, fiber })
      },
      flush: () => {},
    }
    this.#numbers.set(dispatcher, fiber)
    return dispatcher
  }

  // Every fiber has a dispatcher of its own, and that is how it is known.
  #numberOf(fiber: Fiber.Fiber<unknown, unknown>): number {
    return this.#numbers.get(fiber.currentDispatcher) ?? -1
  }

  /** Takes one turn; false where nobody can run. */
  turn(): boolean {
    const task = this.#pick()
    if (task === undefined) return false
    this.steps++
    this.#turnsInARow = task.fiber === this.#running ? this.#turnsInARow + 1 : 0
    this.#running = task.fiber
    this.#turnOf = undefined
    task.run()
    return true
  }

  #pick(): Task | undefined {
    const ready = this.#ready
    const preempting = this.#next
    this.#next = undefined
    if (preempting !== undefined && ready.includes(preempting)) return this.#take(ready.indexOf(preempting))
    if (ready.length <= 1) return ready.pop()
    // Whoever ran goes on first, unless it has been spinning.
    const again = this.#turnsInARow < mostTurnsInARow ? ready.findIndex((task) => task.fiber === this.#running) : -1
    const order = again <= 0 ? ready : [ready[again], ...ready.slice(0, again), ...ready.slice(again + 1)]
    const chosen = this.#decide({
      options: order.length,
      fiberOf: (option) => order[option]?.fiber ?? -1,
      preempts: false,
    })
    const task = order[chosen]
    return task === undefined ? this.#take(0) : this.#take(ready.indexOf(task))
  }

  #take(index: number): Task | undefined {
    const [task] = this.#ready.splice(index, 1)
    return task
  }

  #decide(point: ChoicePoint): number {
    const answer = this.#choose(point)
    const chosen = answer > 0 && answer < point.options ? answer : 0
    this.decisions.push({ chosen, options: point.options })
    return chosen
  }
}
