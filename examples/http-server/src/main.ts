/**
 * `npm run serve`: a shop on the embedded PostgreSQL with a small catalogue, for trying the API.
 *
 * Standard output is one line, `ready http://127.0.0.1:PORT`; everything else goes to standard error.
 */

import { readCatalogue, sampleCatalogue } from "./catalogue.ts"
import { type Flags, readFlags, usage } from "./flags.ts"
import { serve } from "./serve.ts"

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const flagsOrExit = (): Flags => {
  try {
    const flags = readFlags(process.argv.slice(2), process.env)
    if (flags !== undefined) return flags
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    process.exit(2)
  }
  console.log(usage)
  process.exit(0)
}

const { port, store, catalogue, noticeMillis, redis, kafka } = flagsOrExit()
try {
  const serving = await serve({
    port,
    store,
    noticeMillis,
    redis,
    kafka,
    catalogue: catalogue === undefined ? sampleCatalogue : await readCatalogue(catalogue),
    say,
  })
  let askedAt: number | undefined
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (askedAt !== undefined) {
        // Whoever asks again does not want to wait. A signal to the whole group comes twice: from the sender, and handed
        // on by whoever started us.
        if (performance.now() - askedAt > 1_000) process.exit(130)
        return
      }
      askedAt = performance.now()
      say(`${signal}: answering what is under way`)
      serving.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          say(`could not stop cleanly: ${error}`)
          process.exit(1)
        },
      )
    })
  }
  console.log(`ready ${serving.url}`)
} catch (error) {
  say(error instanceof Error ? [error.message, error.cause].filter(Boolean).join("\n") : String(error))
  process.exit(1)
}
