/**
 * Run in a host with TypeScript 5, whose compiler can be asked: which fields of inputs, answers, events and options say nothing
 * where an editor would show it. Prints them and how many do, as JSON.
 */
import { writeFileSync } from "node:fs"
import ts from "typescript"

const file = "fieldDocs.ts"
writeFileSync(
  file,
  `import type { createHoldfast, Event, Shop } from "@holdfast/core"
import type { ShopHandlerOptions } from "@holdfast/http"
import type { ClientOptions, HoldfastClient } from "@holdfast/http/client"
export declare const shop: Pick<Shop, "points" | "stock" | "coupons" | "orders" | "popularity">
export declare const client: Omit<HoldfastClient, "safe">
export declare const event: Event
export declare const options: NonNullable<Parameters<typeof createHoldfast>[0]>
export declare const handlerOptions: ShopHandlerOptions
export declare const clientOptions: ClientOptions
`,
)
const program = ts.createProgram([file], {
  strict: true,
  exactOptionalPropertyTypes: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2024.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
  types: ["node"],
})
const checker = program.getTypeChecker()
const source = program.getSourceFile(file)
const said = new Set()
const silent = new Set()

const note = (symbol, path) => (symbol.getDocumentationComment(checker).length > 0 ? said : silent).add(path)
const typeOf = (symbol) => checker.getTypeOfSymbolAtLocation(symbol, source)

/** Ends: texts, numbers and dates, which have no fields of ours, and branded ones. */
const isPlain = (type) =>
  (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) === 0 ||
  type.symbol?.name === "Date" ||
  (type.isIntersection() && type.types.some((part) => (part.flags & ts.TypeFlags.Object) === 0))

const walk = (type, path, depth) => {
  if (depth === 0) return
  if (type.isUnion()) for (const part of type.types) walk(part, path, depth)
  else if (checker.isArrayType(type)) walk(checker.getTypeArguments(type)[0], `${path}[]`, depth)
  else if (!isPlain(type) && type.getCallSignatures().length === 0) {
    for (const field of type.getProperties()) {
      if (field.getName().startsWith("__@")) continue
      const at = `${path}.${field.getName()}`
      note(field, at)
      // The host's own JSON.
      if (field.getName() !== "metadata") walk(typeOf(field), at, depth - 1)
    }
  }
}

const calls = (type, path) => {
  for (const group of type.getProperties()) {
    for (const method of typeOf(group).getProperties()) {
      const at = `${path}.${group.getName()}.${method.getName()}`
      note(method, at)
      const [signature] = typeOf(method).getCallSignatures()
      const [parameter] = signature.getParameters()
      const given = typeOf(parameter)
      walk(checker.isTupleType(given) ? checker.getTypeArguments(given)[0] : given, `${at}(…)`, 3)
      walk(checker.getAwaitedType(signature.getReturnType()), `${at} →`, 4)
    }
  }
}

for (const statement of source.statements) {
  if (!ts.isVariableStatement(statement)) continue
  const [{ name }] = statement.declarationList.declarations
  const type = checker.getTypeAtLocation(name)
  if (name.text === "shop" || name.text === "client") calls(type, name.text)
  else walk(type, name.text, name.text === "event" ? 4 : 1)
}
console.log(JSON.stringify({ said: said.size, silent: [...silent].sort() }))
