/**
 * A host application in a folder of its own: what npm packs of our packages, installed as a user would install it.
 *
 * A package is built in a copy, so that two test runs at once, or a build that runs meanwhile, do not meet in `dist`.
 */
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { commandMillis, leaveOut } from "@holdfast/test-services"

const repository = resolve(import.meta.dirname, "../../../..")
const bin = join(repository, "node_modules/.bin")

interface Ran {
  readonly ok: boolean
  readonly stdout: string
  /** Both streams, for the message of a failure. */
  readonly said: string
}

/** Runs a program until it ends, or hangs. */
const run = (cwd: string, command: string, args: ReadonlyArray<string>): Promise<Ran> =>
  new Promise((ran) => {
    // The folder of the Node that runs this test stands first, and nothing of the npm that may have started it is passed on.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|NODE_OPTIONS|NODE_ENV|VITEST)/i.test(name),
    )
    const path = [dirname(process.execPath), bin, process.env.PATH].join(":")
    const env = { ...Object.fromEntries(inherited), PATH: path, npm_config_loglevel: "warn" }
    execFile(command, args, { cwd, env, timeout: commandMillis, maxBuffer: 16_000_000 }, (error, stdout, stderr) =>
      ran({
        ok: error === null,
        stdout,
        said: `${command} ${args.join(" ")}\n${stdout}${stderr}${error?.message ?? ""}`,
      }),
    )
  })

/** The same, where anything but success is this test's failure. What was said is told only then. */
const must = async (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { ok, stdout, said } = await run(cwd, command, args)
  if (!ok) throw new Error(said)
  return stdout
}

export interface Host {
  readonly folder: string
  /** The names of all that the first package's tarball holds. */
  readonly packed: ReadonlyArray<string>
  /** Writes a file and runs it with Node: what it printed. Throws all that was said where it failed. */
  readonly node: (file: string, source: string, ...flags: ReadonlyArray<string>) => Promise<string>
  /** Writes a file and compiles it. */
  readonly tsc: (file: string, source: string, options: object) => Promise<Ran>
  readonly remove: () => void
}

/**
 * Builds, packs and installs packages of ours with effect and `others`. Undefined where the registry cannot be reached and
 * the cache lacks what is needed.
 */
export const installHost = async (
  packages: readonly [string, ...ReadonlyArray<string>] = ["core"],
  others: ReadonlyArray<string> = [],
): Promise<Host | undefined> => {
  const root = mkdtempSync(join(tmpdir(), "holdfast-packed-"))
  const remove = () => rmSync(root, { recursive: true, force: true })
  try {
    const tarballs: Array<Tarball> = []
    for (const name of packages) tarballs.push(await packed(join(root, "workspace"), name))
    const folder = join(root, "host")
    mkdirSync(folder)
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "host", private: true, type: "module" }))
    const wanted = [...tarballs.map(({ file }) => file), "effect@4.1.0", ...others]
    // A request that a registry leaves hanging is asked again after a while, and not after five minutes as npm has it.
    const patience = ["--fetch-timeout=20000", "--fetch-retries=5", "--fetch-retry-mintimeout=500"]
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-save", ...patience]
    const install = (fresh: string) => run(folder, "npm", ["install", fresh, ...flags, ...wanted])
    let installed = await install("--prefer-offline")
    // What the cache knows of a package may be older than the version that is wanted, or half written by another npm.
    if (!installed.ok) installed = await install("--prefer-online")
    if (!installed.ok && unreachable.test(installed.said)) {
      leaveOut(
        `the packed ${packages.join(" and ")} in a host of its own: npm reaches no registry and lacks it in its cache`,
      )
      remove()
      return undefined
    }
    if (!installed.ok) throw new Error(installed.said)
    return {
      folder,
      packed: tarballs[0]?.files ?? [],
      node: (file, source, ...args) => {
        writeFileSync(join(folder, file), source)
        return must(folder, process.execPath, ...args, file)
      },
      tsc: (file, source, compilerOptions) => {
        writeFileSync(join(folder, file), source)
        writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }))
        return run(folder, "tsc", ["--noEmit", "-p", "tsconfig.json"])
      },
      remove,
    }
  } catch (error) {
    remove()
    throw error
  }
}

const unreachable = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/

/** Builds as `npm test` does, in a copy of the package that finds the repository's dependencies. */
const packed = async (workspace: string, name: string): Promise<Tarball> => {
  const copy = join(workspace, "packages", name)
  const original = join(repository, "packages", name)
  cpSync(original, copy, {
    recursive: true,
    filter: (path) => !/^\/(dist|\.types|node_modules|services|test)$/.test(path.slice(original.length)),
  })
  cpSync(join(repository, "tsconfig.base.json"), join(workspace, "tsconfig.base.json"))
  const modules = join(workspace, "node_modules")
  if (!existsSync(modules)) symlinkSync(join(repository, "node_modules"), modules)
  await must(copy, "npm", "run", "build", "--silent")
  const [report] = JSON.parse(await must(copy, "npm", "pack", "--json", "--ignore-scripts")) as ReadonlyArray<Report>
  if (report === undefined) throw new Error("npm packed nothing")
  return { file: join(copy, report.filename), files: report.files.map(({ path }) => path) }
}

interface Tarball {
  readonly file: string
  readonly files: ReadonlyArray<string>
}

interface Report {
  readonly filename: string
  readonly files: ReadonlyArray<{ readonly path: string }>
}
