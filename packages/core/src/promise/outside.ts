/**
 * Running outside of every caller's async context.
 *
 * A fiber goes on in the async context that it began in, and so do the timers and sockets that it opens. A shop begins with its
 * first call and serves all later ones: begun in that call's context, it would show the first caller's baggage, request id and
 * trace to every logger and instrumented client of the host, for as long as it runs.
 */
import { quietly } from "../thrown.ts"

type Run = <A>(run: () => A) => A

/** The part of `process` that is used, where a runtime has one. */
interface Process {
  readonly getBuiltinModule?: (name: "node:async_hooks") => {
    readonly AsyncLocalStorage: { readonly snapshot: () => Run }
  }
}

/**
 * The context in which this module was loaded. A host may make its shop as late as in a request, and has most likely imported
 * it before.
 */
const snapshot = quietly((): Run | undefined => {
  // biome-ignore lint/style/noRestrictedGlobals: runtimes without async contexts have no such module, so it cannot be imported
  const process: Process | undefined = Reflect.get(globalThis, "process")
  return process?.getBuiltinModule?.("node:async_hooks").AsyncLocalStorage.snapshot()
})

/** Runs it there. In its caller's context where the runtime has none to go back to. */
export const outsideOfCallers: Run = (run) => (snapshot === undefined ? run() : snapshot(run))
