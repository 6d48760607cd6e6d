/**
 * The spans of a shop: one for each batch, with links to the calls that it serves, and one for each call where that is
 * asked for. They go to the tracer of the program in Effect, or to that of a host by way of `telemetry`. A tracer that throws
 * costs its span and nothing else.
 *
 * A batch is named and described by the stable conventions for databases (OpenTelemetry semantic conventions 1.33): it is one
 * round of work that the store does for several calls. No id, key or amount of anybody is in a span.
 */
import { type Clock, Context, Effect, Exit, Option, Tracer } from "effect"
import type { Command } from "../decision/Command.ts"
import type { StoreFault, StoreShape } from "../ports/index.ts"
import { quietly } from "../thrown.ts"
import type { Outcome, Pending } from "./Pending.ts"
import { type Caller, spanOfCaller } from "./traceparent.ts"

/** Which spans there are, where there is a tracer. */
export type SpanChoice = "batches" | "calls"

/** The most links of one span. OpenTelemetry's own default. */
const maxLinks = 128
const none = {}

export class Spans {
  readonly #tracer: Tracer.Tracer
  readonly #clock: Clock.Clock
  readonly #calls: boolean
  readonly #store: ReadonlyArray<readonly [string, string]>

  constructor(tracer: Tracer.Tracer, clock: Clock.Clock, store: StoreShape, choice: SpanChoice) {
    this.#tracer = tracer
    this.#clock = clock
    this.#calls = choice === "calls"
    const { system = store.guarantees.name, namespace } = store.database ?? {}
    this.#store = [
      ["db.system.name", system],
      ...(namespace === undefined ? [] : ([["db.namespace", namespace]] as const)),
    ]
  }

  /** What a batch is linked to for a call: a span of its own where that was asked for, else the one that it is made in. */
  began(command: Command, caller: Caller | undefined): Caller | undefined {
    return this.#calls ? (quietly(() => this.#spanOfCall(command, caller)) ?? caller) : caller
  }

  /** Ends the span of a call, where it has one of its own. */
  ended(pending: Pending, outcome: Outcome): void {
    const { span } = pending
    if (!this.#calls || typeof span !== "object" || span._tag !== "Span") return
    quietly(() => this.#endCall(span, outcome))
  }

  /** Runs a batch in a span of its own. */
  around(batch: ReadonlyArray<Pending>, run: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const span = quietly(() => this.#spanOf(batch))
      if (span === undefined) return run
      return Effect.onExit(Effect.provideService(run, Tracer.ParentSpan, span), (exit) =>
        Effect.sync(() => {
          quietly(() => {
            const error = span.attributes.get("error.type")
            this.#end(span, Exit.isFailure(exit) ? "interrupted" : typeof error === "string" ? error : undefined)
          })
        }),
      )
    })
  }

  #spanOfCall({ operation }: Command, caller: Caller | undefined): Tracer.Span {
    const span = this.#begin(`holdfast.${operation.name}`, "internal", spanOfCaller(caller), [])
    span.attribute("holdfast.operation", operation.name)
    return span
  }

  #endCall(span: Tracer.Span, outcome: Outcome): void {
    if (span.status._tag === "Ended") return
    const no =
      outcome._tag === "Refused" ? outcome.refusal : outcome._tag === "Unavailable" ? outcome.unavailable : undefined
    span.attribute("holdfast.outcome", outcome._tag)
    if (no !== undefined) span.attribute("error.type", no._tag)
    // A refusal is an answer: only what the shop could not answer is an error of the span.
    const failed =
      outcome._tag === "Unavailable" ? outcome.unavailable._tag : outcome._tag === "Defective" ? "defect" : undefined
    this.#end(span, failed)
  }

  #spanOf(batch: ReadonlyArray<Pending>): Tracer.Span {
    const operations = new Set<string>()
    const links: Array<Tracer.SpanLink> = []
    let last: Caller | undefined
    for (const { span: caller, command } of batch) {
      operations.add(command.operation.name)
      // What one caller asked for in one go comes one behind the other.
      if (caller === last || links.length === maxLinks) continue
      last = caller
      const span = spanOfCaller(caller)
      // The span of a host without Effect is looked up at each call, and is another object each time.
      if (span !== undefined && !isSame(span, links.at(-1)?.span)) links.push({ span, attributes: none })
    }
    const summary = `BATCH ${Array.from(operations).sort().join(" ")}`.slice(0, 255)
    // A call that is alone in its batch has it as a child: then its trace shows where its time went.
    const span = this.#begin(summary, "client", batch.length === 1 ? links[0]?.span : undefined, links)
    for (const [name, value] of this.#store) span.attribute(name, value)
    span.attribute("db.query.summary", summary)
    if (batch.length > 1) span.attribute("db.operation.batch.size", batch.length)
    return span
  }

  #begin(
    name: string,
    kind: Tracer.SpanKind,
    parent: Tracer.AnySpan | undefined,
    links: Array<Tracer.SpanLink>,
  ): Tracer.Span {
    return this.#tracer.span({
      name,
      kind,
      parent: Option.fromUndefinedOr(parent),
      links,
      root: parent === undefined,
      sampled: parent?.sampled ?? true,
      annotations: Context.empty(),
      startTime: this.#clock.currentTimeNanosUnsafe(),
    })
  }

  #end(span: Tracer.Span, error: string | undefined): void {
    span.end(this.#clock.currentTimeNanosUnsafe(), error === undefined ? Exit.void : Exit.fail(error))
  }
}

const isSame = (one: Tracer.AnySpan, other: Tracer.AnySpan | undefined): boolean =>
  one.spanId === other?.spanId && one.traceId === other.traceId

/** Notes on the span of the batch, where there is one, what kept it from being done in one go. */
export const noteOnSpan = (fault: StoreFault): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const { span } = fiber.cache
    if (span?._tag !== "Span" || span.status._tag === "Ended") return Effect.void
    return Effect.clockWith((clock) =>
      Effect.sync(() =>
        quietly(() => {
          span.event(`holdfast.${fault._tag.toLowerCase()}`, clock.currentTimeNanosUnsafe())
          // Busy keys are waited for beside the lanes, and the rest goes on: that is no failure.
          if (fault._tag !== "Busy") span.attribute("error.type", fault._tag)
        }),
      ),
    )
  })

/** The spans of a shop whose program has a tracer; undefined where nobody looks. */
export const makeSpans = (store: StoreShape, choice: SpanChoice): Effect.Effect<Spans | undefined> =>
  Effect.gen(function* () {
    const tracer = yield* Effect.tracer
    // Without one there is the one that keeps spans to itself, and each would be work for nobody.
    if (tracer === Context.get(Context.empty(), Tracer.Tracer)) return undefined
    return yield* Effect.clockWith((clock) => Effect.succeed(new Spans(tracer, clock, store, choice)))
  })
