// Adds the platform packages that npm left out of package-lock.json, because its registry could not serve them here:
// `node scripts/complete-lockfile.ts`, after an `npm install` that brought a new binary.
//
// The packages that ask for them name an exact version, and their names say the platform. What only the registry knows,
// the integrity, is filled in by the next `npm install` on a machine that can reach them.

import { readFileSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { missingBinaries } from "./verify/lockfile.ts"

const systems = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm64", "arm", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"]

const file = resolve(import.meta.dirname, "../package-lock.json")
const lock = JSON.parse(readFileSync(file, "utf8"))
const missing = missingBinaries(lock.packages)

for (const { name, version, dev } of missing) {
  const words = name.replace(/^@[^/]+\//, "").split("-")
  const os = systems.find((system) => words.includes(system))
  const cpu = processors.find((processor) => words.includes(processor))
  if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+/.test(version)) {
    console.error(`${name}@${version} does not say its platform or its exact version. Add it by hand.`)
    process.exitCode = 1
    continue
  }
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => word.startsWith("gnu"))
      ? ["glibc"]
      : undefined
  lock.packages[`node_modules/${name}`] = {
    version,
    cpu: [cpu],
    ...(dev && { dev }),
    ...(libc && { libc }),
    optional: true,
    os: [os],
  }
}

// npm keeps this order, and its next install would otherwise move every line.
const entries = Object.entries(lock.packages).sort(([left], [right]) => left.localeCompare(right, "en"))
lock.packages = Object.fromEntries(entries)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`Added ${missing.length} platform packages to package-lock.json.`)
