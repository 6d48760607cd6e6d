/**
 * The documentation page: the document as plain HTML.
 *
 * No script, no font, no request to anybody: what is not sent cannot be blocked, tracked or out of date.
 */
import { refusals, unavailabilities } from "@holdfast/core"
import { reasons, rowOf } from "../problems/codes.ts"
import { titles } from "../problems/titles.ts"
import type { Json } from "./openapi.ts"

/** Nothing may be loaded or run, and nobody may frame it. The page's own style is named by its hash-free inline rule. */
export const pageSecurity: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
}

export const pageOf = (document: Json): string => {
  const info = objectOf(document.info)
  const operations = Object.entries(objectOf(document.paths)).flatMap(([path, item]) =>
    Object.entries(objectOf(item)).map(([method, operation]) => ({ path, method, operation: objectOf(operation) })),
  )
  const sections = listOf(document.tags).map((tag) => {
    const { name, description } = objectOf(tag)
    const own = operations.filter(({ operation }) => listOf(operation.tags).includes(name))
    return `<section><h2 id="${text(name)}">${text(name)}</h2><p>${text(description)}</p>${own.map(operationHtml).join("")}</section>`
  })
  const schemas = Object.entries(objectOf(objectOf(document.components).schemas)).map(
    ([name, schema]) =>
      `<details id="${anchor(name)}"><summary><code>${text(name)}</code></summary>${schemaHtml(schema)}</details>`,
  )
  const links = listOf(document.tags).map((tag) => {
    const name = text(objectOf(tag).name)
    return `<a href="#${name}">${name}</a>`
  })
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(info.title)}</title><link rel="icon" href="data:,"><style>${style}</style></head><body>
<header><h1>${text(info.title)}</h1><p>${prose(info.summary)}</p><p>${prose(info.description)}</p><nav>${links.join(" ")} <a href="#problems">problems</a> <a href="#schemas">schemas</a></nav></header>
<main>${sections.join("")}${problemsHtml()}<section><h2 id="schemas">schemas</h2>${schemas.join("")}</section></main></body></html>`
}

interface Operation {
  readonly path: string
  readonly method: string
  readonly operation: Json
}

const operationHtml = ({ path, method, operation }: Operation): string => {
  const body = objectOf(objectOf(objectOf(operation.requestBody).content)["application/json"]).schema
  const rows = listOf(operation.parameters).map((parameter) => {
    const { name, in: place, required, description, schema } = objectOf(parameter)
    return `<tr><td><code>${text(name)}</code></td><td>${text(place)}${required === true ? ", required" : ""}</td><td>${typeHtml(schema)}</td><td>${prose(description)}</td></tr>`
  })
  const answers = Object.entries(objectOf(operation.responses)).map(([status, response]) => {
    const { content, description } = objectOf(response)
    const [media] = Object.values(objectOf(content))
    return `<tr><td><b class="s${status[0]}">${status}</b></td><td>${typeHtml(objectOf(media).schema)}</td><td>${codes(description)}</td></tr>`
  })
  return `<details class="operation" open><summary><b class="${method}">${method.toUpperCase()}</b> <code>${text(path)}</code> <span>${text(operation.summary)}</span></summary>
<table><tbody>${rows.join("")}</tbody></table>${body === undefined ? "" : `<h3>Body</h3>${typeHtml(body)}`}
<h3>Answers</h3><table><tbody>${answers.join("")}</tbody></table></details>`
}

/** Every code with what it means: where the `type` of a problem leads to. */
const problemsHtml = (): string => {
  const when: Readonly<Record<string, { readonly when: string }>> = { ...refusals, ...unavailabilities }
  const rows = reasons.map((reason) => {
    const { code, status, legacyCode } = rowOf(reason)
    return `<tr id="${code}"><td><b class="s${Math.floor(status / 100)}">${status}</b></td><td><code>${code}</code><br><small>${text(legacyCode)}</small></td><td>${text(titles[reason].en)}<br>${text(titles[reason].ko)}</td><td>${prose(when[reason]?.when)}</td></tr>`
  })
  return `<section><h2 id="problems">problems</h2><table><tbody>${rows.join("")}</tbody></table></section>`
}

const schemaHtml = (schema: unknown): string => {
  const { properties, required, description } = objectOf(schema)
  const intro = description === undefined ? "" : `<p>${prose(description)}</p>`
  if (properties === undefined) return `${intro}<p>${typeHtml(schema, true)}</p>`
  const names = listOf(required)
  const rows = Object.entries(objectOf(properties)).map(
    ([name, property]) =>
      `<tr><td><code>${text(name)}</code></td><td>${names.includes(name) ? "" : "optional"}</td><td>${typeHtml(property)}</td><td>${prose(descriptionOf(property))}</td></tr>`,
  )
  return `${intro}<table><tbody>${rows.join("")}</tbody></table>`
}

/** One line for a type. `spelled` shows a named schema's own content instead of its name. */
const typeHtml = (schema: unknown, spelled = false): string => {
  const {
    $ref,
    type,
    enum: values,
    items,
    anyOf,
    oneOf,
    allOf,
    minimum,
    maximum,
    minLength,
    maxLength,
  } = objectOf(schema)
  if (typeof $ref === "string") {
    const name = $ref.split("/").at(-1) ?? ""
    return `<a href="#${anchor(name)}"><code>${text(name)}</code></a>`
  }
  const choices = listOf(anyOf ?? oneOf ?? allOf)
  if (choices.length > 0) return choices.map((choice) => (spelled ? schemaHtml(choice) : typeHtml(choice))).join(" or ")
  if (Array.isArray(values)) return values.map((value) => `<code>${text(JSON.stringify(value))}</code>`).join(" ")
  if (type === "array") return `list of ${typeHtml(items)}`
  const range = [minimum ?? minLength, maximum ?? maxLength]
  const bounds = range.some((bound) => bound !== undefined)
    ? ` <small>${text(range[0] ?? "")}–${text(range[1] ?? "")}</small>`
    : ""
  if (type === "object" && objectOf(schema).properties !== undefined) return schemaHtml(schema)
  return `${text(type ?? "anything")}${bounds}`
}

const descriptionOf = (property: unknown): unknown => {
  const { description, allOf } = objectOf(property)
  return (
    description ??
    listOf(allOf)
      .map((part) => objectOf(part).description)
      .find((found) => found !== undefined)
  )
}

const codes = (description: unknown): string =>
  String(description ?? "")
    .split(", ")
    .map((code) => (/^[A-Z_]+$/.test(code) ? `<code>${text(code)}</code>` : text(code)))
    .join(" ")

const anchor = (name: string): string => `schema-${encodeURIComponent(name)}`

/** Text with `code` in it. */
const prose = (value: unknown): string => text(value ?? "").replace(/`([^`]*)`/g, "<code>$1</code>")

const text = (value: unknown): string =>
  String(value ?? "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

const objectOf = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {})

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const style = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font:0.9em ui-monospace,monospace}h1{margin-bottom:0}h2{margin-top:2.5rem;border-bottom:1px solid #8885}h3{font-size:1rem;margin:.8rem 0 .2rem}
nav a{margin-right:.7rem}details{border:1px solid #8885;border-radius:6px;padding:.4rem .8rem;margin:.6rem 0}summary{cursor:pointer}summary span{opacity:.75}
table{border-collapse:collapse;width:100%}td{border-top:1px solid #8883;padding:.25rem .6rem .25rem 0;vertical-align:top}
.get,.post{color:#fff;border-radius:4px;padding:.1rem .4rem;font-size:.8rem}.get{background:#1a6d3c}.post{background:#1c4f9c}.s2{color:#2a8a4f}.s4{color:#a9650e}.s5{color:#b3372f}`
