/**
 * Where a server is reached: a connection URI as libpq reads one, with one host or several.
 *
 * Read by hand, because libpq's is no URL of the web: it may name several hosts, directories of sockets, or none. Each
 * parameter that libpq knows is honoured or refused by its name, and one that it does not know is refused too: a setting
 * that is passed over silently is a connection that is not encrypted, or not the one that was meant.
 */
import { isKnown, type Parameters, parametersOf, whyNotParameter } from "./parameters.ts"

/** One host of a list. A name may stand for several addresses. */
export interface Host {
  /** A name, an address, or the directory of a socket; undefined for the machine's own socket, or itself where it has none. */
  readonly name: string | undefined
  /** The address to connect to, where the name is only what its certificate says. */
  readonly address: string | undefined
  readonly port: number
}

export interface Address extends Parameters {
  /** In the order in which they are tried. At least one. */
  readonly hosts: ReadonlyArray<Host>
  /** Default: the user of the operating system. */
  readonly user: string | undefined
  readonly password: string | undefined
  /** Default: the name of the user. */
  readonly database: string | undefined
}

/**
 * The address that a URI says, or what is wrong with it. No password is ever repeated, and no part of one: what is not
 * percent-encoded in it may stand where a host, a database or a parameter is read.
 */
export const addressOf = (uri: string): Address | string => {
  const parts = partsOf(uri)
  if (typeof parts === "string") return parts
  const { named } = parts
  for (const [name, value] of named) {
    const whyNot = whyNotParameter(name, value)
    if (whyNot === undefined) continue
    // Both of them may be the end of a password.
    const isRepeated = !isKnown(name) || value.includes("@")
    return isRepeated && !parts.mayRepeat ? `A parameter of the url is not one that libpq knows. ${encodeIt}` : whyNot
  }
  const hosts = hostsOf(parts, named)
  if (typeof hosts === "string") return hosts
  const parameters = parametersOf(named)
  if (typeof parameters === "string") return parameters
  return {
    ...parameters,
    hosts,
    user: named.get("user") ?? parts.user,
    password: named.get("password") ?? parts.password,
    database: named.get("dbname") ?? parts.database,
  }
}

interface Parts {
  readonly user: string | undefined
  readonly password: string | undefined
  /** One for each host of the list, empty where it has none. */
  readonly hosts: ReadonlyArray<string>
  readonly ports: ReadonlyArray<string>
  readonly database: string | undefined
  readonly named: ReadonlyMap<string, string>
  /** Whether the parameters can be no part of a password. */
  readonly mayRepeat: boolean
}

/** Said where a password may be why a URL cannot be read. */
const encodeIt = "In a password, /, ?, # and & must be percent-encoded."

const scheme = /^postgres(?:ql)?:\/\//

const partsOf = (uri: string): Parts | string => {
  const begin = scheme.exec(uri)
  if (begin === null) return "The url must begin with postgres:// or postgresql://."
  const [, authority = "", path = "", query = ""] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(uri.slice(begin[0].length)) ?? []
  const at = authority.lastIndexOf("@")
  const [user, password] = twoOf(authority.slice(0, Math.max(at, 0)), ":")
  const hosts: Array<string> = []
  const ports: Array<string> = []
  for (const each of authority.slice(at + 1).split(",")) {
    const found = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(each)
    if (found === null)
      return `The url names no host and port where they are expected. An IPv6 address stands in brackets. ${encodeIt}`
    hosts.push(found[1] ?? found[2] ?? "")
    ports.push(found[3] ?? "")
  }
  // A user or a password that ended the authority too early has the host behind it.
  if (path.includes("@"))
    return `The url has an @ where the database is named, which must be percent-encoded there. ${encodeIt}`
  const mayRepeat = !query.includes("@") && !/(^|&)(ssl)?password=/.test(query)
  const named = new Map<string, string>()
  for (const each of query === "" ? [] : query.split("&")) {
    const [name, value] = twoOf(each, "=")
    const called = mayRepeat || isKnown(name) ? `The parameter "${name}" of the url` : "A parameter of the url"
    const hint = mayRepeat ? "" : ` ${encodeIt}`
    if (value === undefined) return `${called} has no value.${hint}`
    const decoded = decodedOf(value)
    if (decoded === undefined) return `${called} is not percent-encoded as it must be.${hint}`
    // As JDBC says it.
    if (name === "ssl" && decoded === "true") named.set("sslmode", "require")
    else named.set(name, decoded)
  }
  const decoded = [user, password, path, ...hosts].map((each) => decodedOf(each ?? ""))
  const [itsUser, itsPassword, database, ...itsHosts] = decoded
  if (itsHosts.includes(undefined)) return "A host of the url is not percent-encoded as it must be."
  if (itsUser === undefined || itsPassword === undefined || database === undefined)
    return "The user, password or database of the url is not percent-encoded as it must be."
  return {
    user: itsUser === "" ? undefined : itsUser,
    password: itsPassword === "" ? undefined : itsPassword,
    hosts: itsHosts.map((host) => host ?? ""),
    ports,
    database: database === "" ? undefined : database,
    named,
    mayRepeat,
  }
}

const twoOf = (text: string, between: string): readonly [string, string | undefined] => {
  const index = text.indexOf(between)
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}

const decodedOf = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const defaultPort = 5432

/** Lists in parameters stand for those before the path. One port is everybody's. */
const hostsOf = (parts: Parts, named: ReadonlyMap<string, string>): ReadonlyArray<Host> | string => {
  const names = named.get("host")?.split(",") ?? parts.hosts
  const addresses = named.get("hostaddr")?.split(",") ?? []
  const ports = named.get("port")?.split(",") ?? parts.ports
  const isNamed = names.length > 1 || names[0] !== ""
  if (isNamed && addresses.length > 0 && addresses.length !== names.length)
    return `The url names ${names.length} hosts and ${addresses.length} hostaddr.`
  const count = isNamed ? names.length : Math.max(addresses.length, 1)
  if (ports.length > 1 && ports.length !== count) return `The url names ${count} hosts and ${ports.length} ports.`
  const hosts: Array<Host> = []
  for (let index = 0; index < count; index++) {
    const name = names[index] ?? ""
    const port = ports[ports.length === 1 ? 0 : index] ?? ""
    if (!isPort(port)) return parts.mayRepeat ? `"${port}" is no port.` : `A port of the url is none. ${encodeIt}`
    if (name.startsWith("@")) return "A socket in the abstract namespace cannot be used: name a host or a directory."
    hosts.push({
      name: name === "" ? undefined : name,
      address: addresses[index] === "" ? undefined : addresses[index],
      port: port === "" ? defaultPort : Number(port),
    })
  }
  return hosts
}

const isPort = (text: string): boolean =>
  text === "" || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535)

/** For messages: as it would stand in a URI. */
export const textOfHost = ({ name, address, port }: Host): string => {
  const host = name ?? address ?? "the local socket"
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}
