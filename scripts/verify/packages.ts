// Builds and packs what will be published, and checks the very files that users would receive.

import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { inTurn, type Outcome, type Run } from "./command.ts"

const packed = ".verify/packed"

/** A package joins these checks on the day its `private: true` goes away. */
const published = (): ReadonlyArray<string> =>
  readdirSync("packages")
    .map((name) => `packages/${name}`)
    .filter((folder) => JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).private !== true)

export const build = (run: Run): Promise<Outcome> =>
  inTurn(published().map((folder) => () => run("npm", "run", "build", "--silent", "--workspace", folder)))

export const publint = (run: Run): Promise<Outcome> =>
  eachTarball(run, (tarball) => run("publint", "run", tarball, "--strict"))

export const attw = (run: Run): Promise<Outcome> =>
  eachTarball(run, (tarball) => run("attw", tarball, "--profile", "esm-only", "--no-definitely-typed", "--no-emoji"))

const eachTarball = async (run: Run, check: (tarball: string) => Promise<Outcome>): Promise<Outcome> => {
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  const folders = published()
  const packing = await inTurn(
    folders.map((folder) => () => run("npm", "pack", `./${folder}`, "--pack-destination", packed)),
  )
  if (!packing.ok) return packing
  const tarballs = readdirSync(packed)
  if (tarballs.length !== folders.length)
    return { ok: false, output: `Packed ${tarballs.length} of ${folders.length} packages.` }
  return inTurn(tarballs.map((tarball) => () => check(`${packed}/${tarball}`)))
}
