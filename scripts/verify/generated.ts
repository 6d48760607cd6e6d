// Files that are generated and committed. Each entry says how to find out that one no longer matches its source.
//
// To add one: a name, the promise in a few words, and a command that exits with an error when the file has drifted and
// says how to write it again.

export interface Generated {
  readonly name: string
  readonly promise: string
  readonly command: readonly [command: string, ...args: ReadonlyArray<string>]
}

export const generated: ReadonlyArray<Generated> = [
  {
    name: "floors",
    promise: "CONTRIBUTING.md prints the list of floors",
    command: ["node", "scripts/docs/floors.ts", "--check"],
  },
  {
    name: "errors-page",
    promise: "docs/errors.md is the table of refusals",
    command: ["node", "--conditions=@holdfast/source", "scripts/docs/errors.ts", "--check"],
  },
  {
    name: "events-page",
    promise: "docs/events.md is the table of events",
    command: ["node", "--conditions=@holdfast/source", "scripts/docs/events.ts", "--check"],
  },
  {
    name: "defects-page",
    promise: "docs/defects.md names the tests there are",
    command: ["node", "scripts/docs/defects.ts", "--check"],
  },
  {
    name: "laws-page",
    promise: "docs/laws.md lists the laws there are, and each catches a mutant",
    command: ["node", "--conditions=@holdfast/source", "examples/zoo/src/main.ts", "--laws", "--check"],
  },
]
