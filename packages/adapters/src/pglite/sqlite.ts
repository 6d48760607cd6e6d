/**
 * SQLite as Node has it, for the one thing that only a database does without native code: a lock that ends with its holder.
 *
 * Node 22 calls the module experimental in a warning when it is first loaded. Three calls of it are used here, which have
 * not changed since, so its users have nothing to do with that sentence. It is kept back while the module loads, which is one
 * synchronous step: no other warning can come meanwhile, and one of another kind would pass.
 */

/** `node:sqlite`, or undefined where this runtime has none. */
export const nodeSqlite = (): typeof import("node:sqlite") | undefined => {
  const { emitWarning } = process
  const others = (...warning: Parameters<typeof emitWarning>): void => {
    if (!/^SQLite is an experimental feature/.test(String(warning[0]))) Reflect.apply(emitWarning, process, warning)
  }
  Reflect.set(process, "emitWarning", others)
  try {
    // Not imported: a bundler takes the `node:` away, without which there is no such module.
    return process.getBuiltinModule("node:sqlite")
  } finally {
    Reflect.set(process, "emitWarning", emitWarning)
  }
}
