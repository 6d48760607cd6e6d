// Checks that every import points down the list of floors, and that no files import each other in a circle.

import { globSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import type { Outcome } from "./command.ts"
import { floors, strangers } from "./floors.ts"

export const directions = (): Promise<Outcome> => {
  const offences = offencesUnder(".")
  return Promise.resolve({ ok: offences.length === 0, output: offences.map((offence) => `${offence}\n`).join("") })
}

/** What is wrong with the imports of the sources of all packages under a root, in sentences. */
export const offencesUnder = (root: string): ReadonlyArray<string> => {
  const files = globSync("packages/*/src/**/*.ts", { cwd: root }).sort()
  const imports = new Map(files.map((file) => [file, importsOf(file, readFileSync(join(root, file), "utf8"))]))
  return [
    ...files.flatMap((file) => (imports.get(file) ?? []).flatMap((target) => offenceOf(file, target) ?? [])),
    ...circlesOf(imports).map((circle) => `These files import each other in a circle: ${circle.join(", ")}.`),
  ]
}

/** A relative import as a path from the root, one of a package of ours as `@holdfast/…`; others are of no interest here. */
const importsOf = (file: string, text: string): ReadonlyArray<string> => {
  // Formatted code has comments on lines of their own, and examples in them import as hosts do.
  const code = text.split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line))
  return Array.from(
    code.join("\n").matchAll(/\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+|@holdfast\/[^"]+)"/g),
    ([, from = ""]) => (from.startsWith(".") ? normalize(join(dirname(file), from)) : from),
  )
}

const offenceOf = (file: string, target: string): string | undefined => {
  const place = placeOf(file)
  const to = target.startsWith("@holdfast/") ? entryOf(target) : placeOf(target)
  if (to === undefined) return undefined
  const [room, other] = [roomOf(place), roomOf(to)]
  if (room === undefined) return `${file} stands on no floor: name its folder in scripts/verify/floors.ts.`
  if (other === undefined) return `${file} imports ${target}, which stands on no floor of scripts/verify/floors.ts.`
  if (room.path === other.path) return undefined
  if (other.floor < room.floor) return `${file} imports ${target}: ${room.path} stands below ${other.path}.`
  const apart = [...floors.map(({ rooms }) => rooms), ...strangers].flatMap((rooms) => {
    const [one, two] = [place, to].map((each) => rooms.find((path) => isWithin(each, path)))
    return one !== undefined && two !== undefined && one !== two ? [`${one} and ${two}`] : []
  })
  return apart.length === 0 ? undefined : `${file} imports ${target}: ${apart[0]} know nothing of each other.`
}

/** `packages/core/src/orders/Order.ts` as `core/orders/Order.ts`. */
const placeOf = (path: string): string => path.replace(/^packages\/([^/]+)\/src\//, "$1/")

/** What `@holdfast/core/ports` names: `core/ports`. Undefined for packages that no floor is of. */
const entryOf = (name: string): string | undefined => {
  const [, own = "", entry = "index"] = /^@holdfast\/([^/]+)(?:\/(.+))?$/.exec(name) ?? []
  if (!rooms.some(({ path }) => isWithin(path, own))) return undefined
  const folder = `${own}/${entry}`
  return roomOf(folder) === undefined ? `${folder}.ts` : folder
}

interface Room {
  readonly path: string
  readonly floor: number
}

const rooms: ReadonlyArray<Room> = floors
  .flatMap(({ rooms }, floor) => rooms.map((path) => ({ path, floor })))
  .sort((one, other) => other.path.length - one.path.length)

const roomOf = (place: string): Room | undefined => rooms.find(({ path }) => isWithin(place, path))

const isWithin = (place: string, room: string): boolean => place === room || place.startsWith(`${room}/`)

/** Sets of files each of which imports all others, by way of others or not (Tarjan's strongly connected components). */
const circlesOf = (imports: ReadonlyMap<string, ReadonlyArray<string>>): ReadonlyArray<ReadonlyArray<string>> => {
  const order = new Map<string, number>()
  const path: Array<string> = []
  const circles: Array<ReadonlyArray<string>> = []
  /** The earliest file on the path that can be reached from this one. */
  const visit = (file: string): number => {
    const own = order.size
    order.set(file, own)
    path.push(file)
    let earliest = own
    for (const next of imports.get(file) ?? []) {
      if (!imports.has(next)) continue
      const seen = order.get(next)
      if (seen === undefined) earliest = Math.min(earliest, visit(next))
      else if (path.includes(next)) earliest = Math.min(earliest, seen)
    }
    if (earliest === own) {
      const component = path.splice(path.indexOf(file))
      if (component.length > 1) circles.push(component)
    }
    return earliest
  }
  for (const file of imports.keys()) if (!order.has(file)) visit(file)
  return circles
}
