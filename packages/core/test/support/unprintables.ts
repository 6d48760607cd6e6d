import { runInNewContext } from "node:vm"

/** Values that a handler or a driver may throw, and that do not let themselves be read: each made anew. */
export const unprintables: Readonly<Record<string, () => unknown>> = {
  "an error whose message getter throws": () => new Lazy(),
  "an error whose name getter throws": () => new Nameless("no name"),
  "an error whose message is no text": () => Object.defineProperty(new Error("text"), "message", { value: {} }),
  "an error whose stack getter throws": () =>
    Object.defineProperty(new Error("no stack"), "stack", {
      get: () => {
        throw new Error("the stack cannot be read")
      },
    }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  "a proxy that throws at every touch": () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error("do not touch")
        },
        getPrototypeOf: () => {
          throw new Error("do not touch")
        },
        ownKeys: () => {
          throw new Error("do not touch")
        },
      },
    ),
  "an object whose toJSON throws": () => ({
    toJSON: () => {
      throw new Error("no JSON")
    },
  }),
  "an object whose toJSON answers nothing": () => ({ toJSON: () => undefined }),
  "an object without a prototype whose field throws": () =>
    Object.defineProperty(Object.create(null), "field", {
      enumerable: true,
      get: () => {
        throw new Error("no field")
      },
    }),
  "a cycle": () => {
    const self: { self?: unknown } = {}
    self.self = self
    return self
  },
  "an object without fields": () => ({}),
  "an error of another realm": () => runInNewContext("new RangeError('elsewhere')"),
  "a bigint in an object": () => ({ amount: 1n }),
  "a symbol": () => Symbol("why"),
  "a function": () => () => undefined,
  nothing: () => undefined,
  null: () => null,
  "an empty text": () => "",
}

class Lazy extends Error {
  override readonly name = "Lazy"
  override get message(): string {
    throw new Error("the message cannot be read")
  }
}

class Nameless extends Error {
  override get name(): string {
    throw new Error("the name cannot be read")
  }
}
