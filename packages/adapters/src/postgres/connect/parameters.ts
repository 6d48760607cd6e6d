/**
 * The parameters of a connection URI: those that libpq knows, each honoured as its documentation says, or refused with the
 * reason why not.
 */

/** What a server must be for a session. As libpq means it, where `read-write` is also what a store needs by default. */
export type Target = "any" | "read-write" | "read-only" | "primary" | "standby" | "prefer-standby"

type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full"

/** Files of certificates and keys, and what else a session over TLS is made with. */
export interface Ssl {
  readonly mode: SslMode
  /** A file, or `system` for the roots that Node trusts. */
  readonly rootCert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly password: string | undefined
  readonly crl: string | undefined
  /** Whether the server is told which name is meant. */
  readonly sni: boolean
  readonly minVersion: TlsVersion | undefined
  readonly maxVersion: TlsVersion | undefined
}

type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3"

export interface Parameters {
  readonly target: Target
  readonly randomHosts: boolean
  readonly ssl: Ssl
  /** For each host; undefined is for ever. */
  readonly connectMillis: number | undefined
  readonly applicationName: string
  readonly options: string | undefined
  /** After so long without traffic a connection is probed; undefined is never. */
  readonly keepAliveMillis: number | undefined
}

const defaultConnectMillis = 5_000
const defaultKeepAliveMillis = 10_000
const defaultApplication = "holdfast"

type Check = (value: string) => string | undefined

const anything: Check = () => undefined
const oneOf =
  (...values: ReadonlyArray<string>): Check =>
  (value) =>
    values.includes(value) ? undefined : `is ${values.join(", ")}, and not "${value}"`
const seconds: Check = (value) => (/^-?\d{1,9}$/.test(value) ? undefined : `is a number of seconds, and not "${value}"`)
/** Honoured where it asks for what is so anyway. */
const only =
  (why: string, ...values: ReadonlyArray<string>): Check =>
  (value) =>
    values.includes(value) ? undefined : why
const never =
  (why: string): Check =>
  () =>
    why

const noKerberos = "is for GSSAPI and Kerberos, which are not spoken here"
const nodes = "cannot be set from Node"

const checks: Readonly<Record<string, Check>> = {
  host: anything,
  hostaddr: anything,
  port: anything,
  dbname: anything,
  user: anything,
  password: anything,
  connect_timeout: seconds,
  application_name: anything,
  fallback_application_name: anything,
  options: anything,
  client_encoding: (value) =>
    ["auto", "utf8", "utf-8", "unicode"].includes(value.toLowerCase()) ? undefined : "is UTF8 here, and nothing else",
  target_session_attrs: oneOf("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
  load_balance_hosts: oneOf("disable", "random"),
  keepalives: oneOf("0", "1"),
  keepalives_idle: seconds,
  sslmode: oneOf("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
  sslrootcert: anything,
  sslcert: anything,
  sslkey: anything,
  sslpassword: anything,
  sslcrl: anything,
  sslsni: oneOf("0", "1"),
  ssl_min_protocol_version: oneOf("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
  ssl_max_protocol_version: oneOf("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
  sslcompression: only("is never done", "0"),
  sslcertmode: only("is allow: a certificate is sent where there is one and the server asks for it", "allow"),
  sslnegotiation: only("is postgres: a session begins in PostgreSQL's own way", "postgres"),
  gssencmode: only(noKerberos, "disable", "prefer"),
  channel_binding: only("is not spoken here", "disable", "prefer"),
  min_protocol_version: only("is 3.0 here", "3.0"),
  max_protocol_version: only("is 3.0 here", "3.0"),
  replication: only("is for replicas", "false", "off", "no", "0"),
  keepalives_interval: never(`${nodes}: probes come a second apart`),
  keepalives_count: never(`${nodes}: ten probes are sent`),
  tcp_user_timeout: never(`${nodes}: every statement has a time-out of its own instead`),
  sslcrldir: never("cannot be read: name one file as sslcrl"),
  sslkeylogfile: never("is not written"),
  require_auth: never("cannot be asked for: write down what is allowed in the server's pg_hba.conf"),
  requirepeer: never("cannot be asked for"),
  passfile: never("is not read: put the password into the url"),
  service: never("is not looked up: put everything into the url"),
  servicefile: never("is not read: put everything into the url"),
  krbsrvname: never(noKerberos),
  gsslib: never(noKerberos),
  gssdelegation: never(noKerberos),
  scram_client_key: never("is not taken: use a password"),
  scram_server_key: never("is not taken: use a password"),
  oauth_issuer: never("is for OAuth, which is not spoken here"),
  oauth_client_id: never("is for OAuth, which is not spoken here"),
  oauth_client_secret: never("is for OAuth, which is not spoken here"),
  oauth_scope: never("is for OAuth, which is not spoken here"),
}

/** The names that libpq knows. */
const knownNames: ReadonlyArray<string> = Object.keys(checks)

export const isKnown = (name: string): boolean => Object.hasOwn(checks, name)

/** Why a parameter is refused; undefined where it is honoured. */
export const whyNotParameter = (name: string, value: string): string | undefined => {
  const check = isKnown(name) ? checks[name] : undefined
  if (check === undefined) {
    const meant = knownNames.find((known) => isNearly(known, name))
    return `The url has a parameter "${name}", which libpq does not know${meant === undefined ? "" : `: did you mean ${meant}?`}${meant === undefined ? "." : ""}`
  }
  const why = check(value)
  return why === undefined ? undefined : `The parameter ${name} of the url ${why}.`
}

/** Whether one letter was left out, put in, exchanged with its neighbour or written wrongly. */
const isNearly = (known: string, typed: string): boolean => {
  if (Math.abs(known.length - typed.length) > 1) return false
  let from = 0
  while (from < known.length && known[from] === typed[from]) from++
  const rest = (text: string, index: number): string => text.slice(index)
  return (
    rest(known, from + 1) === rest(typed, from) ||
    rest(known, from) === rest(typed, from + 1) ||
    rest(known, from + 1) === rest(typed, from + 1) ||
    (known[from] === typed[from + 1] &&
      known[from + 1] === typed[from] &&
      rest(known, from + 2) === rest(typed, from + 2))
  )
}

/** What checked parameters say, or which of them contradict each other. */
export const parametersOf = (named: ReadonlyMap<string, string>): Parameters | string => {
  const ssl = sslOf(named)
  if (typeof ssl === "string") return ssl
  const idle = Number(named.get("keepalives_idle") ?? 0)
  return {
    // biome-ignore lint/plugin/casts: the check of this parameter allows nothing else
    target: (named.get("target_session_attrs") ?? "read-write") as Target,
    randomHosts: named.get("load_balance_hosts") === "random",
    ssl,
    connectMillis: connectMillisOf(named.get("connect_timeout")),
    applicationName: named.get("application_name") ?? named.get("fallback_application_name") ?? defaultApplication,
    options: named.get("options"),
    keepAliveMillis: named.get("keepalives") === "0" ? undefined : idle > 0 ? idle * 1_000 : defaultKeepAliveMillis,
  }
}

/** As libpq: none and less is for ever, and less than two seconds are two. */
const connectMillisOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return defaultConnectMillis
  const millis = Number(text) * 1_000
  return millis <= 0 ? undefined : Math.max(millis, 2_000)
}

const sslOf = (named: ReadonlyMap<string, string>): Ssl | string => {
  const rootCert = named.get("sslrootcert")
  // biome-ignore lint/plugin/casts: the check of this parameter allows nothing else
  const asked = named.get("sslmode") as SslMode | undefined
  // With roots that anybody may get a certificate of, only the name tells one server from another.
  if (rootCert === "system" && asked !== undefined && asked !== "verify-full")
    return `With sslrootcert=system the sslmode is verify-full, and not ${asked}.`
  return {
    mode: asked ?? (rootCert === "system" ? "verify-full" : "disable"),
    rootCert,
    cert: named.get("sslcert"),
    key: named.get("sslkey"),
    password: named.get("sslpassword"),
    crl: named.get("sslcrl"),
    sni: named.get("sslsni") !== "0",
    // biome-ignore lint/plugin/casts: the check of this parameter allows nothing else
    minVersion: named.get("ssl_min_protocol_version") as TlsVersion | undefined,
    // biome-ignore lint/plugin/casts: the check of this parameter allows nothing else
    maxVersion: named.get("ssl_max_protocol_version") as TlsVersion | undefined,
  }
}
