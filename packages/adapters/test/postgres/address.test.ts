import { describe, expect, it } from "vitest"
import { addressOf, textOfHost } from "../../src/postgres/connect/address.ts"

const hostsOf = (uri: string): ReadonlyArray<string> | string => {
  const address = addressOf(uri)
  return typeof address === "string" ? address : address.hosts.map(textOfHost)
}
const whyNot = (parameters: string): string => {
  const address = addressOf(`postgres://host/db?${parameters}`)
  return typeof address === "string" ? address : "nothing"
}
const of = (parameters: string) => {
  const address = addressOf(`postgres://host/db?${parameters}`)
  if (typeof address === "string") throw new Error(address)
  return address
}

describe("an address", () => {
  it.each([
    ["postgres://h/db", ["h:5432"]],
    ["postgresql://h:5433/db", ["h:5433"]],
    ["postgres://u:p@h1:5432,h2:5433,h3/db", ["h1:5432", "h2:5433", "h3:5432"]],
    ["postgres://h1,h2/db?port=6000", ["h1:6000", "h2:6000"]],
    ["postgres:///db?host=h1,h2&port=6000,6001", ["h1:6000", "h2:6001"]],
    ["postgres://ignored:1/db?host=h1", ["h1:1"]],
    ["postgres://[::1],[2001:db8::7]:5433/db", ["[::1]:5432", "[2001:db8::7]:5433"]],
    ["postgres://%2Fvar%2Frun%2Fpostgresql/db", ["/var/run/postgresql:5432"]],
    ["postgres:///db?host=/tmp&port=5433", ["/tmp:5433"]],
    ["postgres:///db", ["the local socket:5432"]],
    ["postgres://", ["the local socket:5432"]],
    ["postgres://:5433", ["the local socket:5433"]],
    ["postgres:///db?hostaddr=10.0.0.1", ["10.0.0.1:5432"]],
    ["postgres://h1,h2/db?hostaddr=10.0.0.1,10.0.0.2", ["h1:5432", "h2:5432"]],
  ])("%s names its hosts as libpq reads them", (uri, hosts) => {
    expect(hostsOf(uri)).toEqual(hosts)
  })

  it("says user, password and database, percent-encoded or as parameters", () => {
    expect(addressOf("postgres://j%40n:s%2Fe%3Acret@h/my%20shop")).toMatchObject({
      user: "j@n",
      password: "s/e:cret",
      database: "my shop",
    })
    expect(addressOf("postgres://h?user=jan&password=a+b&dbname=shop")).toMatchObject({
      user: "jan",
      password: "a+b",
      database: "shop",
    })
    // As web addresses are read, and many of them were written: what is not encoded, and can only be meant so.
    expect(addressOf("postgres://jan:p@ss@h/shop")).toMatchObject({ password: "p@ss", database: "shop" })
    expect(addressOf("postgres://h")).toMatchObject({ user: undefined, password: undefined, database: undefined })
  })

  it.each([
    ["mysql://h/db", /must begin with postgres:/],
    ["host=h dbname=db", /must begin with postgres:/],
    ["postgres://h:port/db", /no host and port where/],
    ["postgres://::1/db", /IPv6 address stands in brackets/],
    ["postgres://h:70000/db", /"70000" is no port/],
    ["postgres://h:0/db", /"0" is no port/],
    ["postgres://a,b,c/db?port=1,2", /3 hosts and 2 ports/],
    ["postgres://a,b/db?hostaddr=10.0.0.1", /2 hosts and 1 hostaddr/],
    ["postgres://u:%zz@h/db", /user, password or database .* percent-encoded/],
    ["postgres://%zz/db", /host of the url is not percent-encoded/],
    ["postgres://h/db?user", /parameter "user" of the url has no value/],
    ["postgres://h/db?application_name=%zz", /"application_name" .* percent-encoded/],
    ["postgres:///db?host=@abstract", /abstract namespace/],
  ])("%s is refused, and no password is repeated", (uri, why) => {
    const refused = addressOf(uri)
    expect(refused).toMatch(why)
    expect(refused).not.toContain("%zz")
  })
})

describe("a password that is not percent-encoded", () => {
  it.each([
    "postgres://u:sec/ret@host:5432/db",
    "postgres://u:sec?ret@host:5432/db",
    "postgres://u:sec?ret=1@host:5432/db",
    "postgres://u:sec?sslmode=ret@host:5432/db",
    "postgres://u:sec#x/ret@host:5432/db",
    "postgres://u:5432/ret@host:5432/db",
    "postgres://u:70000/ret@host:5432/db",
    "postgres://u:70000?ret@host:5432/db",
    "postgres://u:p@sec/ret@host:5432/db",
    "postgres://u:p@sec:x/ret@host:5432/db",
    "postgres://host/db?password=sec&ret",
    "postgres://host/db?password=sec&ret=1",
    "postgres://host/db?password=sec&ret=%zz",
  ])("%s is refused, and no part of it is repeated", (uri) => {
    const refused = addressOf(uri)
    expect(refused).toMatch(/In a password, \/, \?, # and & must be percent-encoded\.$/)
    expect(refused).not.toMatch(/"|sec|ret|70000|%zz/)
  })

  it("given an @ that can only be meant so → is read, and what is wrong beside it is still named where it is known", () => {
    expect(addressOf("postgres://h/my%40db?user=jan@azure&password=p@ss")).toMatchObject({
      user: "jan@azure",
      password: "p@ss",
      database: "my@db",
    })
    expect(addressOf("postgres://h/db?user=jan@azure&sslmode=on")).toMatch(/sslmode .* is disable, .* not "on"/)
  })
})

describe("the parameters of an address", () => {
  it("are honoured where they say how a session is opened", () => {
    expect(of("target_session_attrs=primary&load_balance_hosts=random")).toMatchObject({
      target: "primary",
      randomHosts: true,
    })
    expect(of("application_name=till&options=-c%20search_path%3Dx")).toMatchObject({
      applicationName: "till",
      options: "-c search_path=x",
    })
    expect(of("fallback_application_name=till").applicationName).toBe("till")
    expect(of("keepalives=0").keepAliveMillis).toBeUndefined()
    expect(of("keepalives_idle=30").keepAliveMillis).toBe(30_000)
  })

  it("have defaults that suit a store", () => {
    expect(of("")).toMatchObject({
      target: "read-write",
      randomHosts: false,
      applicationName: "holdfast",
      connectMillis: 5_000,
      keepAliveMillis: 10_000,
      ssl: { mode: "disable" },
    })
  })

  it.each([
    ["connect_timeout=7", 7_000],
    ["connect_timeout=1", 2_000],
    ["connect_timeout=0", undefined],
    ["connect_timeout=-1", undefined],
  ])("%s waits as libpq does", (parameters, millis) => {
    expect(of(parameters).connectMillis).toBe(millis)
  })

  it("say how a connection is encrypted", () => {
    for (const mode of ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const) {
      expect(of(`sslmode=${mode}`).ssl.mode).toBe(mode)
    }
    expect(of("ssl=true").ssl.mode).toBe("require")
    expect(of("sslrootcert=system").ssl.mode).toBe("verify-full")
    expect(whyNot("sslmode=require&sslrootcert=system")).toBe(
      "With sslrootcert=system the sslmode is verify-full, and not require.",
    )
  })

  it.each([
    "gssencmode=prefer",
    "channel_binding=disable",
    "client_encoding=UTF8",
    "replication=false",
    "sslnegotiation=postgres",
    "sslcertmode=allow",
    "sslcompression=0",
  ])("%s asks for what is so anyway", (parameters) => {
    expect(whyNot(parameters)).toBe("nothing")
  })

  it.each([
    ["sslmode=verify", /sslmode of the url is disable, allow, .* and not "verify"/],
    ["target_session_attrs=master", /target_session_attrs of the url is any, read-write/],
    ["connect_timeout=soon", /connect_timeout of the url is a number of seconds/],
    ["gssencmode=require", /gssencmode of the url is for GSSAPI/],
    ["channel_binding=require", /channel_binding of the url is not spoken/],
    ["client_encoding=LATIN1", /client_encoding of the url is UTF8/],
    ["replication=database", /replication of the url is for replicas/],
    ["passfile=/x", /passfile of the url is not read/],
    ["service=x", /service of the url is not looked up/],
    ["keepalives_count=3", /keepalives_count of the url cannot be set from Node/],
    ["require_auth=scram-sha-256", /require_auth of the url cannot be asked for/],
    ["sslmod=require", /parameter "sslmod", which libpq does not know: did you mean sslmode\?/],
    ["aplication_name=x", /did you mean application_name\?/],
    ["schema=shop", /parameter "schema", which libpq does not know\.$/],
    ["__proto__=x", /which libpq does not know/],
  ])("%s is refused by its name", (parameters, why) => {
    expect(whyNot(parameters)).toMatch(why)
  })
})
