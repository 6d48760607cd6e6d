import { Cause } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { messageOfThrown, quietly, textOfCause, textOfThrown } from "../src/thrown.ts"
import { unprintables } from "./support/unprintables.ts"

describe("what was thrown", () => {
  it.each(Object.entries(unprintables))("becomes text and throws nothing: %s", (_, make) => {
    for (const text of [
      textOfThrown(make()),
      messageOfThrown(make()),
      textOfCause(Cause.fail(make())),
      textOfCause(Cause.die(make())),
    ]) {
      expect(text).toBeTypeOf("string")
      expect(text).not.toBe("")
      expect(text).not.toBe("{}")
    }
  })

  it("says what its author wrote, where that can be read", () => {
    expect(textOfThrown(new RangeError("too far"))).toBe("RangeError: too far")
    expect(textOfThrown(new RangeError(""))).toBe("RangeError")
    expect(textOfThrown("just text")).toBe("just text")
    expect(textOfThrown({ _tag: "OutOfStock", left: 0 })).toBe('{"_tag":"OutOfStock","left":0}')
    expect(textOfThrown(unprintables["an error of another realm"]?.())).toBe("RangeError: elsewhere")
    expect(messageOfThrown(new RangeError("too far"))).toBe("too far")
    expect(messageOfThrown("just text")).toBe("just text")
    expect(textOfThrown(unprintables["an error whose message getter throws"]?.())).toBe(
      "Lazy: something that cannot be printed",
    )
  })
})

describe("a host's own code that only looks on", () => {
  it("may throw, and may be an async function that rejects: neither is anybody's failure", async () => {
    const strays: Array<unknown> = []
    const heard = (reason: unknown) => void strays.push(reason)
    process.on("unhandledRejection", heard)
    onTestFinished(() => void process.off("unhandledRejection", heard))
    expect(quietly(() => "seen")).toBe("seen")
    for (const make of Object.values(unprintables)) {
      const look = () => {
        throw make()
      }
      expect(quietly(look)).toBeUndefined()
      quietly(async () => look())
    }
    // Node tells of rejections that nobody hears once the turn is over.
    await new Promise((resolve) => setImmediate(resolve))
    expect(strays).toEqual([])
  })
})
