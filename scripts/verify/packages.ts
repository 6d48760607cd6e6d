// Builds and packs what will be published, and checks the very files that users would receive.

import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { inTurn, type Outcome, type Run } from "./command.ts"

const packed = ".verify/packed"

interface Published {
  readonly folder: string
  readonly name: string
}

/** A package joins these checks on the day its `private: true` goes away. */
export const published = (root = "."): ReadonlyArray<Published> =>
  readdirSync(`${root}/packages`).flatMap((each) => {
    const folder = `packages/${each}`
    const { name, private: isPrivate } = JSON.parse(readFileSync(`${root}/${folder}/package.json`, "utf8"))
    return isPrivate === true ? [] : [{ folder, name }]
  })

// By name: a folder would mean the workspaces inside it as well.
export const build = (run: Run): Promise<Outcome> =>
  inTurn(
    published().map(
      ({ name }) =>
        () =>
          run("npm", "run", "build", "--silent", "--workspace", name),
    ),
  )

export const publint = (run: Run): Promise<Outcome> =>
  eachTarball(run, (tarball) => run("publint", "run", tarball, "--strict"))

export const attw = (run: Run): Promise<Outcome> =>
  eachTarball(run, (tarball) => run("attw", tarball, "--profile", "esm-only", "--no-definitely-typed", "--no-emoji"))

const eachTarball = async (run: Run, check: (tarball: string) => Promise<Outcome>): Promise<Outcome> => {
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  const packages = published()
  const packing = await inTurn(
    // Built one step before, so that nothing is built again.
    packages.map(
      ({ folder }) =>
        () =>
          run("npm", "pack", `./${folder}`, "--ignore-scripts", "--pack-destination", packed),
    ),
  )
  if (!packing.ok) return packing
  const tarballs = readdirSync(packed)
  if (tarballs.length !== packages.length)
    return { ok: false, output: `Packed ${tarballs.length} of ${packages.length} packages.` }
  return inTurn(tarballs.map((tarball) => () => check(`${packed}/${tarball}`)))
}
