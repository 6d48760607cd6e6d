// Keeps the lockfile installable from anywhere: it names no registry, and it lists the binaries of every platform.
//
// The second is not a matter of course. npm writes down only the platform packages that the registry in use could serve,
// and `npm ci` refuses a lockfile in which one of them is missing.

import { readFileSync } from "node:fs"
import type { Outcome } from "./command.ts"

export interface Entry {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export const lockfile = (): Promise<Outcome> => {
  const text = readFileSync("package-lock.json", "utf8")
  const addresses = text.match(/"resolved": "[a-z+]+:\/\/[^"]*"/g) ?? []
  const missing = missingBinaries(JSON.parse(text).packages)
  return Promise.resolve({
    ok: addresses.length === 0 && missing.length === 0,
    output: [
      `package-lock.json names ${addresses.length} addresses: the .npmrc of this repository keeps them out.`,
      `package-lock.json misses ${missing.length} platform packages: node scripts/complete-lockfile.ts adds them.`,
      ...missing.map(({ name, version }) => `  ${name}@${version}`),
      "",
    ].join("\n"),
  })
}

export interface MissingBinary {
  readonly name: string
  readonly version: string
  readonly dev: boolean
}

export const missingBinaries = (packages: Readonly<Record<string, Entry>>): ReadonlyArray<MissingBinary> =>
  Object.entries(packages).flatMap(([folder, { dev, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !foldersAbove(folder).some((above) => `${above}node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, dev: dev === true })),
  )

/** Where Node looks for what a package imports: beside it, then beside the package that contains it, up to the root. */
const foldersAbove = (folder: string): ReadonlyArray<string> => {
  const parts = folder.split("/node_modules/")
  return [...parts.keys()].map((end) => `${parts.slice(0, parts.length - end).join("/node_modules/")}/`).concat("")
}
