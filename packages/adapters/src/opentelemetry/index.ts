/**
 * `@holdfast/adapters/opentelemetry`: spans and metrics of a shop for hosts that use OpenTelemetry and not Effect. Needs
 * `@opentelemetry/api`, and a provider of the host's, such as the SDK for Node sets up.
 */
import { type Measurement, Options, type TelemetryOption } from "@holdfast/core"
import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api"
import { observeOn } from "./observe.ts"
import { activeSpan, tracerOn } from "./spans.ts"

export interface OpenTelemetryOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider | undefined
}

/** Of tracer and meter. */
const scope = "@holdfast/core"

const aProvider = (method: string, of: string): Options.Check =>
  Options.must(
    `a ${of} of OpenTelemetry`,
    (value) => typeof value === "object" && value !== null && typeof Reflect.get(value, method) === "function",
  )

const checks: Options.Checks<OpenTelemetryOptions> = {
  tracerProvider: aProvider("getTracer", "tracer provider"),
  meterProvider: aProvider("getMeter", "meter provider"),
}

/**
 * Sends a shop's spans and metrics to OpenTelemetry: `createHoldfast({ store, telemetry: openTelemetry() })`. The global
 * providers are looked up when the shop starts, so that it does not matter what is set up first.
 */
export const openTelemetry = (options: OpenTelemetryOptions = {}): TelemetryOption => {
  Options.check(options, checks)
  const { tracerProvider = trace, meterProvider = metrics } = options
  return {
    name: "opentelemetry",
    tracer: tracerOn(() => tracerProvider.getTracer(scope)),
    activeSpan,
    observe: (read: () => Promise<ReadonlyArray<Measurement>>) => observeOn(meterProvider.getMeter(scope), read),
  }
}
