/**
 * Several statements as one, inside a transaction of the host: all of them happen or none does, and nothing else comes in
 * between.
 *
 * With a savepoint of ours, whatever the host sends meanwhile on its connection would stand behind it, and be undone with what
 * is ours, although the host was told that it happened. So the server undoes by itself: a block of PL/pgSQL that catches what
 * fails is one statement, however many it runs, and the statements of others come before it or after it. Each statement in it
 * has a snapshot of its own, as if it had been sent alone.
 *
 * A block answers nothing, so what it has to say is left in a setting of the transaction, under a name of its own, and taken
 * from there by the next statement. No function is made and no table written.
 *
 * A call is several statements, and the host may end its transaction between any two of them: what is sent then would stand
 * alone, or in the next transaction. So a call marks its transaction first, and each block looks for the mark before it does
 * anything. The mark is a setting of the transaction as well: it goes with its end, and with a savepoint that was set before
 * it when the host goes back to that.
 */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { rowsOf } from "./text.ts"
import { type Failure, type Reply, type Statement, statement, type Wire } from "./wire.ts"

/** Whether the replies are wanted. A statement that answers nothing can only be run where they are not. */
export type Wanted = "replies" | "nothing"

/**
 * Runs the statements in the transaction that has the mark, each `placed` in its schema, and nowhere else. The lock time-out
 * of the transaction is afterwards what it was.
 */
export const atomically = (
  wire: Wire,
  place: (sql: string) => string,
  mark: string,
  frame: ReadonlyArray<Statement>,
  wanted: Wanted,
): Effect.Effect<Reply> =>
  Effect.suspend(() => {
    const name = `call ${calls++}`
    return Effect.flatMap(wire.run([blockOf(name, mark, frame, place, wanted)]), (ran) =>
      ran.failed === undefined
        ? Effect.map(wire.run([take(name, mark)]), replyOf)
        : Effect.succeed({ ...ran, values: [] }),
    )
  })

/** Blocks of one connection are told apart by it, whoever sends them. */
let calls = 0

const setting = "holdfast.replies"
const marks = "holdfast.joined"

/** Two copies of this module may serve one connection. */
const origin = randomUUID().slice(0, 8)
let marked = 0

/** A mark that no other call has. */
export const freshMark = (): string => `${origin}-${marked++}`

/** Marks the transaction that is open. Where none is, the mark is gone with the statement. */
export const markIt = (mark: string): Statement =>
  statement(
    `select length(set_config('${marks}', concat(current_setting('${marks}', true), $1::text, ' '), true))::text`,
    mark,
  )

/** Whether the transaction has the mark, as SQL says it. Marks are no parts of each other: a space ends each. */
export const isMarked = (mark: string): string =>
  `strpos(coalesce(current_setting('${marks}', true), ''), ${mark} || ' ') > 0`

const blockOf = (
  name: string,
  mark: string,
  frame: ReadonlyArray<Statement>,
  place: (sql: string) => string,
  wanted: Wanted,
): Statement => {
  const runs = frame.map(({ sql, params }, index) => {
    const using = params.map((value) => (value === null ? "null::text" : `${literal(value)}::text`))
    const execute = [
      `execute ${literal(place(sql))}`,
      ...(wanted === "replies" ? ["into reply"] : []),
      ...(using.length > 0 ? [`using ${using.join(", ")}`] : []),
    ]
    const keep = wanted === "replies" ? " replies := array_append(replies, reply);" : ""
    return `    place := ${index}; ${execute.join(" ")};${keep}`
  })
  const body = `declare
  patience text := current_setting('lock_timeout');
  place int := 0;
  reply text;
  replies text[] := '{}';
  said json;
begin
  begin
    if not ${isMarked(literal(mark))} then
      raise exception using errcode = '${ended.code}', message = ${literal(ended.message)};
    end if;
${runs.join("\n")}
    perform set_config('lock_timeout', patience, true);
    said := json_build_array(replies);
  exception when query_canceled or others then
    said := json_build_array(null, place, sqlstate, sqlerrm);
  end;
  perform set_config('${setting}', (coalesce(nullif(current_setting('${setting}', true), ''), '{}')::jsonb
    || jsonb_build_object(${literal(name)}, said))::text, true);
end`
  return statement(`do ${literal(body)}`)
}

/** Answers what a block said, and forgets it. */
const take = (name: string, mark: string): Statement =>
  statement(
    `with said as materialized (
  select coalesce(nullif(current_setting('${setting}', true), ''), '{}')::jsonb as replies
)
select json_build_array(json_build_array(${isMarked("$2::text")}, replies -> $1::text))::text from said
where set_config('${setting}', (replies - $1::text)::text, true) is not null`,
    name,
    mark,
  )

type Said = readonly [replies: ReadonlyArray<string | null> | null, place: number, code: string, message: string]

const replyOf = ({ values, failed }: Reply): Reply => {
  if (failed !== undefined) return { values: [], failed }
  const [taken] = rowsOf<readonly [isMarked: boolean, said: Said | null]>(values[0])
  const [isMarked, said] = taken ?? [false, null]
  if (said === null) return { values: [], failed: { index: 0, failure: isMarked ? undone : unheard } }
  const [replies, index, code, message] = said
  return replies === null
    ? { values: [], failed: { index, failure: { code, message, cause: undefined, isHosts: true } } }
    : { values: replies, failed: undefined }
}

/** What the block did went with a savepoint of the host's, to which the host has gone back since. */
const undone: Failure = {
  code: "40001",
  message: "the host went back to a savepoint before this call had ended",
  cause: undefined,
}

/** The block did nothing: its transaction was no more. */
export const ended = {
  code: "25P01",
  message: "the host ended its transaction, or went back to a savepoint, before this call had ended",
  cause: undefined,
} satisfies Failure

/** The transaction is no more, and what the block had to say went with it: it did nothing, or what became of the transaction. */
export const unheard = { ...ended, code: "40003" } satisfies Failure

/**
 * A string constant, whatever the session takes a backslash for. Signs that stand for parameters or schemas, here or in a
 * library of the host, are written by their numbers: what is in a constant means nothing but itself.
 */
const literal = (text: string): string =>
  `E'${text.replaceAll(/[\\'?@$]/g, (sign) => (sign === "\\" ? "\\\\" : sign === "'" ? "''" : `\\x${sign.charCodeAt(0).toString(16)}`))}'`
