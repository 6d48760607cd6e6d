/**
 * What the demo can be told on the command line.
 *
 * Everything wrong is found before the sale begins and said in one sentence. Nothing here starts anything.
 */
import { parseArgs } from "node:util"
import { isStoreName, type StoreName, storeNames } from "./stores.ts"

export interface Options {
  readonly buyers: number
  /** Units on hand when the doors open. */
  readonly stock: number
  /** The limit of the coupon campaign; 0 means there is none. */
  readonly coupons: number
  /** The same seed gives the same buyers with the same intentions. */
  readonly seed: number
  readonly store: StoreName
  /** Where the PostgreSQL server is; undefined on other stores. */
  readonly url: string | undefined
  readonly json: boolean
  readonly help: boolean
}

/** Something on the command line that cannot be meant. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

const numbers = {
  buyers: { otherwise: 5_000, minimum: 1, maximum: 1_000_000, about: "people who arrive at once" },
  stock: { otherwise: 100, minimum: 0, maximum: 1_000_000, about: "units on hand when the doors open" },
  coupons: { otherwise: 100, minimum: 0, maximum: 1_000_000, about: "coupons, first come first served" },
  seed: { otherwise: 20_240_607, minimum: 0, maximum: 4_294_967_295, about: "decides who the buyers are" },
} as const

type NumberName = keyof typeof numbers

export const helpText = `A flash sale on an embedded Holdfast shop: everybody arrives at once, and every promise is recounted afterwards.

  npm run demo -- [options]

${Object.entries(numbers)
  .map(([name, { otherwise, about }]) => `  --${name.padEnd(8)} <n>     ${about} (${otherwise})`)
  .join("\n")}
  --store    <name>  where the shop keeps everything: ${storeNames.join(", ")} (${storeNames[0]}, inside this process)
  --url      <url>   the server, for --store postgres (DATABASE_URL); the sale gets a schema of its own there
  --json             progress on standard error, one JSON object as the last line of standard output
  --help             this text

It ends with 1 when a promise is broken, and with 2 when an option cannot be meant.
`

/** What is read of the environment. */
export interface Environment {
  readonly DATABASE_URL?: string | undefined
}

/** Reads the arguments after the program's name, or throws a UsageError. */
export const parseOptions = (args: ReadonlyArray<string>, environment: Environment = {}): Options => {
  const values = parsed(args)
  const store = storeOf(values.store)
  return {
    buyers: numberOf("buyers", values.buyers),
    stock: numberOf("stock", values.stock),
    coupons: numberOf("coupons", values.coupons),
    seed: numberOf("seed", values.seed),
    store,
    url: urlOf(store, values.url, environment),
    json: values.json ?? false,
    help: values.help ?? false,
  }
}

const parsed = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        buyers: { type: "string" },
        stock: { type: "string" },
        coupons: { type: "string" },
        seed: { type: "string" },
        store: { type: "string" },
        url: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values
  } catch (error) {
    // The first sentence names the option; what follows is advice about positional arguments, which there are none of.
    const [sentence] = String(error instanceof Error ? error.message : error).split(/\.\s|\n/)
    throw new UsageError(`${sentence?.replace(/\.$/, "")}. See --help.`)
  }
}

const numberOf = (name: NumberName, text: string | undefined): number => {
  const { otherwise, minimum, maximum } = numbers[name]
  if (text === undefined) return otherwise
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value
  throw new UsageError(`--${name} must be a whole number from ${minimum} to ${maximum}, and not "${text}".`)
}

const storeOf = (text: string | undefined): StoreName => {
  const name = text ?? storeNames[0]
  if (isStoreName(name)) return name
  throw new UsageError(`There is no store "${text}". There is: ${storeNames.join(", ")}.`)
}

const urlOf = (store: StoreName, text: string | undefined, { DATABASE_URL }: Environment): string | undefined => {
  if (store !== "postgres") {
    if (text === undefined) return undefined
    throw new UsageError("--url belongs to --store postgres.")
  }
  const url = text ?? DATABASE_URL
  if (url !== undefined && url !== "") return url
  throw new UsageError("--store postgres needs --url or DATABASE_URL.")
}
