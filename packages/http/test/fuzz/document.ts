/**
 * Judges answers by the OpenAPI document: status, media type, body and code.
 */
import { Ajv2020 } from "ajv/dist/2020.js"
import { documentOf } from "../../src/index.ts"

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/** What is wrong with an answer, or undefined. */
export type Judge = (method: string, path: string, answer: Answer) => string | undefined

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, object>>; readonly "x-codes"?: ReadonlyArray<string> }>
  >
}

/** `mayFail` says whether an answer of 500 and above is one at all: in a fuzz it is a finding. */
export const judgeOf = ({ mayFail = false }: { readonly mayFail?: boolean } = {}): Judge => {
  const document: {
    readonly components: object
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  } = JSON.parse(JSON.stringify(documentOf()))
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema({ ...document, $id: "http://holdfast/openapi" })
  const patterns = Object.entries(document.paths).map(([path, item]) => ({
    path,
    item,
    pattern: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+")}$`),
    parameters: path.split("{").length,
  }))
  // Text comes before parameters, as in the router.
  patterns.sort((left, right) => left.parameters - right.parameters)
  const validatorOf = (pointer: string) => ajv.getSchema(`http://holdfast/openapi#${pointer}`)
  // Where the document has no operation, it has no schema for what is answered there either: any problem's form will do.
  const anyProblem = { properties: { status: true, code: true } }
  const { properties, required } = JSON.parse(JSON.stringify(document)).components.schemas.Problem404
  const validateProblem = ajv.compile({
    $id: "http://holdfast/problem",
    type: "object",
    required,
    // What its own schemas refer to.
    components: document.components,
    properties: { ...properties, ...anyProblem.properties },
    additionalProperties: false,
  })

  return (method, path, { status, text, headers }) => {
    if (status >= 500 && !mayFail) return `answered ${status}`
    const type = headers.get("content-type")
    if (!/^[0-9a-f]{32}$/.test(headers.get("trace-id") ?? "")) return "has no trace id"
    const found = patterns.find(({ pattern }) => pattern.test(path))
    const operation = found?.item[method === "HEAD" ? "get" : method.toLowerCase()]
    if (method === "HEAD") return text === "" ? undefined : "has a body for HEAD"
    const body: unknown = text === "" ? undefined : JSON.parse(text)
    const code = typeof body === "object" && body !== null && "code" in body ? body.code : undefined
    if (operation === undefined || code === "ROUTE_NOT_FOUND") {
      if (!["ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED", "MALFORMED_PATH", "URI_TOO_LONG"].includes(String(code))) {
        return `answered ${status} ${code} where the document has nothing`
      }
      return errorsOf(validateProblem, body)
    }
    const response = operation.responses[status]
    if (response === undefined) return `answered ${status} ${code}, which the document does not name`
    if (status === 304) return text === "" ? undefined : "has a body with 304"
    const media = Object.keys(response.content ?? {})
    if (!media.includes(type ?? "")) return `is ${type} where the document says ${media.join(", ")}`
    if (status >= 300 && !response["x-codes"]?.includes(String(code))) return `has the code ${code}`
    const escapedPath = encodeURIComponent((found?.path ?? "").replaceAll("~", "~0").replaceAll("/", "~1"))
    const pointer = `/paths/${escapedPath}/${method.toLowerCase()}/responses/${status}/content/${encodeURIComponent((type ?? "").replaceAll("/", "~1"))}/schema`
    return errorsOf(validatorOf(pointer), body)
  }
}

const errorsOf = (validate: ReturnType<Ajv2020["getSchema"]>, body: unknown): string | undefined => {
  if (validate === undefined) return "has no schema in the document"
  if (validate(body) === true) return undefined
  return `contradicts the document: ${JSON.stringify(validate.errors?.slice(0, 3))}`
}
