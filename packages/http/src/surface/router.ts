/**
 * Finds the route of a path. Exact: case counts, a trailing slash counts, and text comes before parameters.
 *
 * A path whose percent-encoding is broken names nothing; the caller is told that instead of "not found".
 */

import { percentDecoded } from "../exchange/encoding.ts"

/** `undefined`: no route of any method. */
type Found<Route> =
  | { readonly _tag: "Route"; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly _tag: "OtherMethods"; readonly allow: ReadonlyArray<string> }
  | { readonly _tag: "Malformed" }
  | undefined

interface Entry<Route> {
  readonly segments: ReadonlyArray<string>
  readonly byMethod: Map<string, Route>
}

export interface Router<Route> {
  readonly add: (method: string, path: string, route: Route) => void
  /** `path` begins with a slash and has no query. */
  readonly find: (method: string, path: string) => Found<Route>
}

export const makeRouter = <Route>(): Router<Route> => {
  const byLength = new Map<number, Array<Entry<Route>>>()
  return {
    add: (method, path, route) => {
      const segments = path.slice(1).split("/")
      const entries = byLength.get(segments.length) ?? []
      byLength.set(segments.length, entries)
      const same = entries.find((entry) => entry.segments.join("/") === segments.join("/"))
      if (same !== undefined) same.byMethod.set(method, route)
      else {
        entries.push({ segments, byMethod: new Map([[method, route]]) })
        // Text sorts before parameters at the first place where two paths differ.
        entries.sort((left, right) => compareSegments(left.segments, right.segments))
      }
    },
    find: (method, path) => {
      const parts = path.slice(1).split("/")
      for (const { segments, byMethod } of byLength.get(parts.length) ?? []) {
        const matched = match(segments, parts)
        if (matched === undefined) continue
        if (matched === "malformed") return { _tag: "Malformed" }
        // HEAD is GET without the body, which the shells leave out.
        const route = byMethod.get(method === "HEAD" ? "GET" : method)
        return route === undefined
          ? { _tag: "OtherMethods", allow: allowed(byMethod.keys()) }
          : { _tag: "Route", route, params: matched }
      }
      return undefined
    },
  }
}

const noParams: Readonly<Record<string, string>> = Object.freeze({})

const match = (
  segments: ReadonlyArray<string>,
  parts: ReadonlyArray<string>,
): Readonly<Record<string, string>> | "malformed" | undefined => {
  let params: Record<string, string> | undefined
  let malformed = false
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index] ?? ""
    const part = parts[index] ?? ""
    if (!segment.startsWith(":")) {
      if (segment !== part) return undefined
      continue
    }
    if (part === "") return undefined
    const decoded = percentDecoded(part)
    if (decoded === undefined) malformed = true
    else {
      params ??= {}
      params[segment.slice(1)] = decoded
    }
  }
  return malformed ? "malformed" : (params ?? noParams)
}

const allowed = (methods: Iterable<string>): ReadonlyArray<string> =>
  Array.from(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))

const compareSegments = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): number => {
  for (const [index, segment] of left.entries()) {
    const other = right[index] ?? ""
    const order = Number(segment.startsWith(":")) - Number(other.startsWith(":"))
    if (order !== 0) return order
  }
  return 0
}
