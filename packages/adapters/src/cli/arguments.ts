/**
 * The arguments of the `holdfast` command.
 */
import { parseArgs } from "node:util"
import { migrations } from "../postgres/schema/migrations.generated.ts"
import { whyNotSchema } from "../postgres/session/text.ts"

export const usage = `Usage: holdfast <command> [options]

  migrate   creates the shop's schema or brings it up to date
  sql       prints the SQL that does the same, for other migration tools
  audit     recounts every promise of the shop, changing nothing; exit code 1 where one is broken
  resend    sends dead letters of a consumer of Kafka to the topic that they came from, once more
  rank      rank rebuild: empties the ranking on Redis, which the process that feeds it fills again from the store
  parked    lists events that the handler of a subscription failed on, with the reason of each; lets them come again
  doctor    looks at the server, the schema and the outbox, and says what is wrong and what to do

  --url <url>        postgres://user:password@host:port/database (default: $DATABASE_URL)
  --schema <name>    the schema that holds the shop (default: holdfast)
  --after <version>  sql: the version that the schema has already (default: 0, it does not exist)
  --inbox            sql: prints the tables of a consumer's inbox instead (default schema: holdfast_inbox)
  --kafka <brokers>  resend, doctor: where to ask first, as host:port,host:port; with TLS, call resendDeadLetters instead
  --topic <topic>    doctor: the topic of events to look at, with --kafka
  --group <group>    doctor: consumers of it, with --kafka; may be given several times
  --dead-letter <t>  resend: the topic of dead letters, such as shop.events.billing.dlq
  --reason <text>    resend: those only whose reason has this text in it (default: all)
  --redis <url>      rank: where the ranking is; doctor: looks at this Redis as well; as redis://host:port
  --prefix <text>    rank: what the ranking's keys begin with (default: holdfast:)
  --name <name>      parked: the subscription
  --again <position> parked: lets the event at this position wait for its handler once more; "all" takes every one
  --json             audit, doctor: prints one JSON document; parked: one a line
  --help             prints this`

export interface Options {
  /** Empty for `sql`, which asks nobody. */
  readonly url: string
  readonly schema: string
  readonly after: number
  readonly json: boolean
  /** Of `doctor` and `rank`. */
  readonly redis?: string | undefined
  readonly topic?: string | undefined
  readonly groups?: ReadonlyArray<string>
  /** Of `rank`. */
  readonly prefix?: string | undefined
  readonly inbox?: boolean
  /** Of `resend` and `doctor`. */
  readonly kafka?: ReadonlyArray<string>
  readonly deadLetter?: string
  readonly reason?: string
  /** Of `parked`. */
  readonly name?: string | undefined
  readonly again?: string | undefined
}

/** Of the shop, where nothing else is said. */
export const defaultSchema = "holdfast"

type CommandName = "migrate" | "sql" | "audit" | "resend" | "rank" | "parked" | "doctor"

/** Which options a command has. */
const takes: { readonly [Name in CommandName]: ReadonlyArray<string> } = {
  migrate: ["schema", "url"],
  sql: ["schema", "after", "inbox"],
  audit: ["schema", "url", "json"],
  resend: ["kafka", "dead-letter", "reason"],
  rank: ["redis", "prefix"],
  parked: ["schema", "url", "name", "again", "json"],
  doctor: ["schema", "url", "json", "redis", "kafka", "topic", "group"],
}

export type Arguments =
  | { readonly _tag: "Command"; readonly command: CommandName; readonly options: Options }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Unclear"; readonly why: string }

const options = {
  url: { type: "string" },
  schema: { type: "string" },
  after: { type: "string" },
  json: { type: "boolean" },
  redis: { type: "string" },
  prefix: { type: "string" },
  inbox: { type: "boolean" },
  kafka: { type: "string" },
  topic: { type: "string" },
  group: { type: "string", multiple: true },
  "dead-letter": { type: "string" },
  reason: { type: "string" },
  name: { type: "string" },
  again: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const

/** Which options may be given several times. */
const several: ReadonlyArray<string> = ["group"]

const unclear = (why: string): Arguments => ({ _tag: "Unclear", why })

/** Reads the arguments behind the program's name. `databaseUrl` stands in for a missing `--url`. */
export const readArguments = (args: ReadonlyArray<string>, databaseUrl: string | undefined): Arguments => {
  const parsed = parse(args)
  if (typeof parsed === "string") return unclear(parsed)
  const { positionals, values, tokens } = parsed
  const twice = twiceOf(tokens.flatMap((token) => (token.kind === "option" ? [token.name] : [])))
  if (twice !== undefined) return unclear(`--${twice} is given twice.`)
  const [command, ...more] = positionals
  if (values.help === true || command === "help") return { _tag: "Help" }
  if (command === undefined) return unclear("Say what to do.")
  if (!isCommand(command)) return unclear(`There is no command "${command}".`)
  if (command === "rank" && more.shift() !== "rebuild") return unclear("Say what to do with the ranking: rank rebuild.")
  if (more.length > 0) return unclear(`"${more.join(" ")}" is one word too many.`)
  const foreign = Object.keys(values).find((name) => !takes[command].includes(name))
  if (foreign !== undefined) return unclear(`${command} has no option --${foreign}.`)
  const { after = "0", json = false, inbox = false, url = databaseUrl ?? "", reason = "" } = values
  const { redis, prefix, topic, group: groups = [], name, again } = values
  if (redis !== undefined && !/^rediss?:\/\//.test(redis)) return unclear("--redis must be redis://host:port.")
  if (command === "rank" && redis === undefined)
    return unclear("Say where the ranking is with --redis redis://host:port.")
  const { schema = inbox ? "holdfast_inbox" : defaultSchema, kafka = "", "dead-letter": deadLetter = "" } = values
  if (command === "parked" && (name ?? "") === "") return unclear("Say of which subscription with --name.")
  if (inbox && values.after !== undefined) return unclear("--inbox has no versions: leave --after out.")
  if (command === "resend" && (kafka === "" || deadLetter === ""))
    return unclear("Say where and which with --kafka host:port and --dead-letter topic.")
  if (command === "doctor" && (kafka === "") !== (topic === undefined))
    return unclear("Say both, --kafka host:port and --topic topic.")
  if (groups.length > 0 && kafka === "") return unclear("--group belongs to --kafka.")
  const whyNot = whyNotSchema(schema)
  if (whyNot !== undefined) return unclear(`--schema ${whyNot}.`)
  if (!/^\d{1,6}$/.test(after)) return unclear("--after must be a version, such as 1.")
  if (Number(after) > migrations.length)
    return unclear(`--after must be ${migrations.length} at most, the newest version.`)
  if (takes[command].includes("url") && !/^postgres(ql)?:\/\//.test(url))
    return unclear("Say which database with --url postgres://…, or set DATABASE_URL.")
  return {
    _tag: "Command",
    command,
    options: {
      url,
      schema,
      after: Number(after),
      json,
      inbox,
      kafka: kafka.split(","),
      deadLetter,
      reason,
      redis,
      topic,
      groups,
      prefix,
      name,
      again,
    },
  }
}

const parse = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (error) {
    // biome-ignore lint/plugin/thrown: Node's own parser throws errors that can be read, and this file loads nothing else
    return error instanceof Error ? error.message : String(error)
  }
}

/** The first option that may be given once and is given again: nobody can tell which of the two was meant. */
const twiceOf = (names: ReadonlyArray<string>): string | undefined =>
  names.find((name, index) => !several.includes(name) && names.indexOf(name) < index)

const isCommand = (name: string): name is CommandName => Object.hasOwn(takes, name)
