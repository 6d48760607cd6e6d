/**
 * Messages of PostgreSQL's protocol, cut out of a stream of bytes: a type, a length, and what it says. The first message of
 * a client has no type.
 */
import { Buffer } from "node:buffer"

export interface Message {
  /** One letter; empty for the first message of a client. */
  readonly type: string
  readonly bytes: Buffer
}

/** Takes bytes as they come, and gives the messages that are complete. */
export const messageReader = (typed: boolean): ((bytes: Buffer) => ReadonlyArray<Message>) => {
  let pending: Buffer = Buffer.alloc(0)
  let head = typed ? 1 : 0
  return (bytes) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    const found: Array<Message> = []
    while (pending.length >= head + 4) {
      const end = head + pending.readUInt32BE(head)
      if (pending.length < end) break
      const message = pending.subarray(0, end)
      pending = pending.subarray(end)
      found.push({ type: head === 0 ? "" : String.fromCharCode(message[0] ?? 0), bytes: message })
      // What asks for encryption is answered by one byte, and the first message is still to come.
      if (head === 0 && !asksForEncryption(message)) head = 1
    }
    return found
  }
}

/** SSLRequest and GSSENCRequest. */
export const asksForEncryption = (first: Buffer): boolean =>
  first.length === 8 && [80_877_103, 80_877_104].includes(first.readUInt32BE(4))

/** CancelRequest: a connection for nothing else. */
export const asksToCancel = (first: Buffer): boolean => first.length === 16 && first.readUInt32BE(4) === 80_877_102

/** The texts of a message, from a place on: each ends with a zero. */
export const textsOf = (bytes: Buffer, from = 5): ReadonlyArray<string> => bytes.toString("latin1", from).split("\0")

/** A message of the same type whose text, from its first byte on, is another one. */
const withText = (bytes: Buffer, replace: (text: string) => string): Buffer => {
  const text = bytes.toString("latin1", 5)
  const replaced = replace(text)
  if (replaced === text) return bytes
  const body = Buffer.from(replaced, "latin1")
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return Buffer.concat([bytes.subarray(0, 1), length, body])
}

/** Clocks decide nothing: whoever waits does so until somebody says that it was too long. */
export const withoutTimeouts = (bytes: Buffer): Buffer =>
  withText(bytes, (text) =>
    text.replaceAll(/((?:lock|statement|idle_in_transaction_session)_timeout'?\s*(?:,|=|to)\s*)'[^']*'/gi, "$1'0'"),
  )

/** An error that says that a statement was cancelled, as the one that a lock was not given in time. */
export const asLockTimeout = (bytes: Buffer): Buffer =>
  withText(bytes, (text) => text.replace("\0C57014\0", "\0C55P03\0"))

/** What a statement does to what, in a few words that are the same in every run. */
export const wordsOf = (sql: string): string => {
  const [, verb, table] = /\b(insert into|update|delete from)\s+(?:"(?:[^"]|"")*"\.)?"?(\w+)/i.exec(sql) ?? []
  if (verb !== undefined) return `${verb.toLowerCase()} ${table}`
  const [, read] = /\bfrom\s+"(?:[^"]|"")*"\."?(\w+)/i.exec(sql) ?? []
  const locks = /\bfor (?:no key )?(?:update|share)\b/i.test(sql) ? "lock" : "read"
  return read === undefined ? sql.trim().split(/\s+/, 2).join(" ").toLowerCase() || "nothing" : `${locks} ${read}`
}

/** Whether these are the words of a statement that begins a transaction or is about a table. */
export const isUse = (words: string): boolean =>
  /^(?:begin|start|insert into|update|delete from|lock|read)\b/.test(words)
