/**
 * PGlite behind the wire protocol: the driver's bytes go into the database in this process, and its answers come back.
 */
import { Buffer } from "node:buffer"
import { Duplex } from "node:stream"
import type { PGlite } from "@electric-sql/pglite"
import { textOfThrown } from "@holdfast/core/ports"

/** The driver ends a session with this message. */
const terminate = 0x58

/** A stream that a driver may use as its socket. The database has one session, so only one may be in use at a time. */
export const duplexOf = (database: PGlite): Duplex => {
  let pending: Buffer = Buffer.alloc(0)
  let started = false
  let ended = false
  const stream: Duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      forward().then(
        () => done(),
        (error) => done(error instanceof Error ? error : new Error(textOfThrown(error))),
      )
    },
    final(done) {
      stream.push(null)
      done()
    },
    destroy(error, done) {
      ended = true
      done(error)
    },
  })
  const forward = async (): Promise<void> => {
    for (;;) {
      const length = completeLength(pending, started)
      if (length === 0 || ended) return
      const messages = pending.subarray(0, length)
      pending = pending.subarray(length)
      if (started && messages[0] === terminate) {
        ended = true
        stream.push(null)
        return
      }
      started = true
      const answer = await database.execProtocolRaw(new Uint8Array(messages), { syncToFs: false })
      if (answer.length > 0 && !ended) stream.push(Buffer.from(answer))
    }
  }
  return stream
}

/** How many bytes of complete messages there are. The first message of a session has no type byte. */
const completeLength = (bytes: Buffer, started: boolean): number => {
  let end = 0
  for (;;) {
    const head = started ? end + 1 : end
    if (bytes.length < head + 4) return end
    const next = head + bytes.readUInt32BE(head)
    if (bytes.length < next) return end
    // A session's first and last messages stand alone.
    if (!started || (bytes[end] === terminate && end === 0)) return next
    if (bytes[end] === terminate) return end
    end = next
  }
}
