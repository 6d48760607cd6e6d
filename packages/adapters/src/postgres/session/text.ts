/**
 * Values as PostgreSQL's own text: what a statement is given and what it answers.
 */

export type ColumnType = "text" | "bigint" | "boolean" | "json"

/**
 * An array's literal: of each item what `get` takes from it, undefined as NULL. Columns often say the same in every row, so
 * what an item became is kept for the next one. JSON travels as the text that it is written as.
 */
export const arrayOf = <Item>(type: ColumnType, items: ReadonlyArray<Item>, get: (item: Item) => unknown): string => {
  const element = elementOf[type]
  let literal = "{"
  let last: unknown
  let lastElement = "NULL"
  for (const item of items) {
    const value = get(item)
    if (value !== last) {
      last = value
      lastElement = value === undefined ? "NULL" : element(value)
    }
    literal += literal.length > 1 ? `,${lastElement}` : lastElement
  }
  return `${literal}}`
}

const itself = <A>(item: A): A => item

/** A `text[]`. */
export const texts = (items: ReadonlyArray<string | undefined>): string => arrayOf("text", items, itself)

/** A `bigint[]` or `boolean[]`. */
export const values = (items: ReadonlyArray<number | boolean | undefined>): string => arrayOf("bigint", items, itself)

const control = /\p{Cc}/u

// Nearly every id needs no escape. Where there are no control characters, JSON's own quoting is also that of an array's
// element, and three times as fast as replacing characters.
const quoted = (value: string): string => {
  if (!value.includes('"') && !value.includes("\\")) return `"${value}"`
  return control.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : JSON.stringify(value)
}

const elementOf: { readonly [T in ColumnType]: (value: unknown) => string } = {
  text: (value) => quoted(String(value)),
  bigint: String,
  boolean: String,
  json: (value) => JSON.stringify(JSON.stringify(value)),
}

/** The rows of a JSON answer. The statement that was asked says what they hold. */
export const rowsOf = <Row>(json: string | null | undefined): ReadonlyArray<Row> =>
  // biome-ignore lint/plugin/casts: our own statement built this JSON from columns whose types the schema enforces
  json === null || json === undefined ? [] : (JSON.parse(json) as ReadonlyArray<Row>)

/** What PostgreSQL keeps of a name; it cuts off the rest, and two names become one. */
const maxNameBytes = 63

/** Why this is no name that a schema may have; undefined where it is one, whatever letters it has. */
export const whyNotSchema = (name: unknown): string | undefined => {
  if (typeof name !== "string") return "must be a name"
  if (name === "") return "must not be empty"
  if (!name.isWellFormed() || name.includes("\u0000")) return "must be well-formed text without the character 0"
  const bytes = new TextEncoder().encode(name).length
  if (bytes > maxNameBytes)
    return `must have at most ${maxNameBytes} bytes, and this has ${bytes}: PostgreSQL would cut it off there`
  return name.startsWith("pg_") ? "must not begin with pg_, as PostgreSQL's own do" : undefined
}

/** A name inside double quotes. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * Puts the schema's name where statements say `@.`, or `@@` where they mean the schema itself. Once for each statement: a name
 * may hold these signs, too.
 */
export const inSchema = (schema: string): ((sql: string) => string) => {
  const name = identifier(schema)
  // By a function: in a text that replaces, `$&` and the like would mean something.
  return (sql) => sql.replaceAll(/@([.@])/g, (_, sign) => (sign === "." ? `${name}.` : name))
}

/** The same, remembering what it answered: statements are constants, and asked for again and again. */
export const placing = (schema: string): ((sql: string) => string) => {
  const place = inSchema(schema)
  const placed = new Map<string, string>()
  return (sql) => {
    const known = placed.get(sql)
    if (known !== undefined) return known
    const text = place(sql)
    placed.set(sql, text)
    return text
  }
}
