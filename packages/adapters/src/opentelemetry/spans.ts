/**
 * Effect's spans, kept by a tracer of OpenTelemetry.
 */
import {
  type Attributes,
  type AttributeValue,
  context,
  type Link,
  type Context as OtelContext,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api"
import { Context, Exit, Option, Tracer } from "effect"

/** A tracer of Effect's that has its spans kept by OpenTelemetry. */
export const tracerOn = (tracer: () => OtelTracer): Tracer.Tracer =>
  Tracer.make({ span: (options) => new BridgedSpan(tracer(), options) })

/** The span that the host is in, if it is in one. */
export const activeSpan = (): Tracer.AnySpan | undefined => {
  const active = trace.getSpan(context.active())?.spanContext()
  return active === undefined || !trace.isSpanContextValid(active) ? undefined : new HostSpan(active)
}

const noAnnotations = Context.empty()

/** A span of the host's. Samplers look at what Effect has no word for: whether it is of this process, and its trace state. */
class HostSpan implements Tracer.ExternalSpan {
  readonly _tag = "ExternalSpan"
  readonly annotations = noAnnotations
  readonly kept: SpanContext
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean

  constructor(kept: SpanContext) {
    this.kept = kept
    this.traceId = kept.traceId
    this.spanId = kept.spanId
    this.sampled = isSampled(kept)
  }
}

const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0

type SpanOptions = Parameters<Tracer.Tracer["span"]>[0]

const kinds: { readonly [Kind in Tracer.SpanKind]: SpanKind } = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
}

class BridgedSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly name: string
  readonly kind: Tracer.SpanKind
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly annotations: Context.Context<never>
  readonly links: Array<Tracer.SpanLink>
  readonly attributes = new Map<string, unknown>()
  readonly spanId: string
  readonly traceId: string
  readonly sampled: boolean
  readonly kept: SpanContext
  status: Tracer.SpanStatus
  readonly #kept: OtelSpan

  constructor(tracer: OtelTracer, { name, kind, parent, annotations, links, startTime, root }: SpanOptions) {
    this.name = name
    this.kind = kind
    this.parent = parent
    this.annotations = annotations
    this.links = links
    this.status = { _tag: "Started", startTime }
    const around = contextOf(kind, Option.getOrUndefined(parent))
    this.#kept = tracer.startSpan(
      name,
      // In the root context there is no span to be forgotten, which is done by copying the context.
      {
        kind: kinds[kind],
        startTime: timeOf(startTime),
        links: links.map(linkOf),
        root: root && around !== ROOT_CONTEXT,
      },
      around,
    )
    this.kept = this.#kept.spanContext()
    this.spanId = this.kept.spanId
    this.traceId = this.kept.traceId
    this.sampled = isSampled(this.kept)
  }

  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
    this.#kept.setAttribute(key, attributeValue(value))
  }

  event(name: string, startTime: bigint, attributes?: Record<string, unknown>): void {
    this.#kept.addEvent(name, attributesOf(attributes ?? {}), timeOf(startTime))
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.links.push(...links)
    this.#kept.addLinks(links.map(linkOf))
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    // Without an error the status stays unset, as the conventions want it.
    if (Exit.isFailure(exit)) this.#kept.setStatus({ code: SpanStatusCode.ERROR })
    this.#kept.end(timeOf(endTime))
  }
}

// A call's span is begun where the call is made, and has its caller's baggage. A batch is begun by a lane, for several callers:
// what is active there is of none of them.
const contextOf = (kind: Tracer.SpanKind, parent: Tracer.AnySpan | undefined): OtelContext => {
  const around = kind === "client" ? ROOT_CONTEXT : context.active()
  if (parent !== undefined) return trace.setSpanContext(around, spanContextOf(parent))
  return around === ROOT_CONTEXT ? around : trace.deleteSpan(around)
}

const spanContextOf = (span: Tracer.AnySpan): SpanContext => {
  if (span instanceof HostSpan || span instanceof BridgedSpan) return span.kept
  const { _tag, traceId, spanId, sampled } = span
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return { traceId, spanId, traceFlags, isRemote: _tag === "ExternalSpan" }
}

// A batch has as many links as calls, and they say nothing but whose call it was.
const linkOf = ({ span, attributes }: Tracer.SpanLink): Link => {
  const context = spanContextOf(span)
  return Object.keys(attributes).length === 0 ? { context } : { context, attributes: attributesOf(attributes) }
}

/** Seconds and nanoseconds. */
const timeOf = (nanos: bigint): [number, number] => [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)]

const attributesOf = (attributes: Readonly<Record<string, unknown>>): Attributes =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attributeValue(value)]))

const attributeValue = (value: unknown): AttributeValue =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : String(value)
