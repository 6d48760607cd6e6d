// The steps of the verification, in the order in which they run: the quick and telling ones first.

import type { Outcome, Run } from "./command.ts"
import { directions } from "./directions.ts"
import { generated } from "./generated.ts"
import { lockfile } from "./lockfile.ts"
import { attw, build, publint } from "./packages.ts"

export interface Step {
  readonly name: string
  readonly promise: string
  readonly run: (run: Run) => Promise<Outcome>
}

export const steps: ReadonlyArray<Step> = [
  {
    name: "biome",
    promise: "lint and formatting",
    run: (run) => run("biome", "check", "--error-on-warnings", "--max-diagnostics=100"),
  },
  { name: "directions", promise: "imports point down one list, and in no circle", run: directions },
  { name: "types", promise: "everything compiles", run: (run) => run("tsc", "-b") },
  {
    name: "effects",
    promise: "no effect is left floating",
    run: (run) => run("effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--format", "text", "--strict"),
  },
  {
    name: "tests",
    promise: "vitest, in all workspaces",
    run: (run) => run("vitest", "run", "--reporter=default", "--reporter=json"),
  },
  { name: "build", promise: "JavaScript and declarations", run: build },
  { name: "knip", promise: "no unused file, export or dependency", run: (run) => run("knip", "--no-progress") },
  { name: "publint", promise: "the packed packages are well formed", run: publint },
  { name: "attw", promise: "their types resolve for users", run: attw },
  { name: "lockfile", promise: "package-lock.json installs from anywhere", run: lockfile },
  ...generated.map(({ name, promise, command: [command, ...args] }) => ({
    name,
    promise,
    run: (run: Run) => run(command, ...args),
  })),
]
