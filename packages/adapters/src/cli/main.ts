#!/usr/bin/env node
/**
 * The `holdfast` command. Answers go to stdout, what went wrong to stderr; exit code 0 is good, 1 is not, 2 is a question
 * that was not understood.
 */
import { type Arguments, readArguments, usage } from "./arguments.ts"

// Each command loads what it needs: nobody waits for a driver to be told that a flag is wrong.
const run = async ({ command, options }: Extract<Arguments, { readonly _tag: "Command" }>): Promise<boolean> => {
  switch (command) {
    case "migrate":
      return (await import("./migrate.ts")).migrate(options)
    case "sql":
      return (await import("./sql.ts")).printSql(options)
    case "audit":
      return (await import("./audit.ts")).audit(options)
    case "resend":
      return (await import("./resend.ts")).resend(options)
    case "rank":
      return (await import("./rank.ts")).rebuildRanking(options)
    case "parked":
      return (await import("./parked.ts")).parked(options)
    case "doctor":
      return (await import("./doctor.ts")).doctor(options)
  }
}

const main = async (): Promise<number> => {
  const question = readArguments(process.argv.slice(2), process.env.DATABASE_URL)
  switch (question._tag) {
    case "Help":
      console.log(usage)
      return 0
    case "Unclear":
      console.error(`${question.why}\n\n${usage}`)
      return 2
    case "Command":
      return (await run(question)) ? 0 : 1
  }
}

// An answer that nobody read is not what the command answers for; one that was not written, and was to be, is.
let isLost = false
process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  if (code === "EPIPE" || isLost) return
  isLost = true
  process.exitCode = 1
  console.error(`The answer could not be written: ${message}`)
})

main().then(
  (code) => {
    process.exitCode = isLost ? 1 : code
  },
  async (error: unknown) => {
    process.exitCode = 1
    const { messageOfThrown } = await import("@holdfast/core/ports")
    console.error(messageOfThrown(error))
  },
)
