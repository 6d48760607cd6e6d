import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { Overheard } from "../../src/postgres/connect/Overheard.ts"

const message = (type: string, body: Buffer | string): Buffer => {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body)
  const head = Buffer.alloc(5)
  head.write(type, "latin1")
  head.writeUInt32BE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}
const fields = (all: Readonly<Record<string, string>>): string =>
  `${Object.entries(all)
    .map(([name, value]) => `${name}${value}\0`)
    .join("")}\0`
const notice = (severity: string, text: string): Buffer =>
  message("N", fields({ S: "WARNUNG", V: severity, C: "01000", M: text }))
const complete = (tag: string): Buffer => message("C", `${tag}\0`)
const ready = message("Z", "I")
const row = message("D", Buffer.alloc(9_000, "x"))

/** What is overheard of these messages, in chunks of so many bytes. */
const heard = (size: number, ...messages: ReadonlyArray<Buffer>): Overheard => {
  const overheard = new Overheard()
  const bytes = Buffer.concat(messages)
  for (let at = 0; at < bytes.length; at += size) overheard.listen(bytes.subarray(at, at + size))
  return overheard
}

describe("beside its replies a server says", () => {
  const begun = [message("2", ""), complete("BEGIN"), ready]
  const cancelled = notice("WARNING", "canceling wait for synchronous replication")

  it.each([1, 3, 7, 64, 100_000])("that a commit was warned of, however its bytes arrive: in chunks of %i", (size) => {
    const overheard = heard(size, ...begun, row, message("2", ""), cancelled, complete("COMMIT"), ready, ...begun)
    expect([overheard.count(), overheard.last()]).toEqual([1, "canceling wait for synchronous replication"])
  })

  it.each([
    ["a notice that is no warning", [notice("NOTICE", "by the way"), complete("COMMIT"), ready]],
    ["a warning of another statement", [cancelled, complete("SELECT 1"), ready]],
    ["a warning of what was rolled back", [cancelled, complete("ROLLBACK"), ready]],
    ["a warning before the commit's own reply", [cancelled, complete("SELECT 1"), ready, complete("COMMIT"), ready]],
    ["a row that reads like one", [message("D", cancelled), complete("COMMIT"), ready]],
  ])("%s is none of a commit", (_, messages) => {
    expect(heard(10, ...begun, ...messages).count()).toBe(0)
  })

  it("each of several commits in one frame is counted", () => {
    const once = [cancelled, complete("COMMIT"), ready]
    expect(heard(50, ...once, complete("COMMIT"), ready, ...once).count()).toBe(2)
  })

  it("why it closes the connection, and nothing of what it answered before", () => {
    const error = (text: string, severity = "FATAL") =>
      message("E", fields({ S: severity, V: severity, C: "57P01", M: text }))
    expect(heard(9, error("no such table", "ERROR")).parting()).toBeUndefined()
    expect(heard(9, error("no such table"), ready).parting()).toBeUndefined()
    expect(heard(9, error("no such table"), ready, error("terminating connection")).parting()).toEqual({
      code: "57P01",
      message: "terminating connection",
    })
  })
})
