/**
 * The tables of an inbox, in any database of the host's: whether there is a shop in it makes no difference.
 */
import { Options } from "@holdfast/core"

export const defaultInboxSchema = "holdfast_inbox"

export const schemaCheck: Options.Check = Options.must(
  "1 to 63 of the characters a-z, 0-9 and _, beginning with a letter",
  (value) => typeof value === "string" && /^[a-z][a-z0-9_]{0,62}$/.test(value),
)

/**
 * The SQL that creates the tables of an inbox, or leaves them as they are. `schema` is `holdfast_inbox` by default. Also
 * printed by `holdfast sql --inbox`.
 */
export const inboxSql = (options: { readonly schema?: string | undefined } = {}): string => {
  Options.check(options, { schema: schemaCheck })
  const { schema = defaultInboxSchema } = options
  return `-- The inbox of consumers of events: what each of them has handled, and what it holds back.
begin;
create schema if not exists ${schema};
-- One row an event that a consumer has handled, in the transaction of its effect. Removed when its topic cannot give it again.
-- 'infinity' is one that is a dead letter: it is handled when it is sent again, however late.
create table if not exists ${schema}.handled (
  consumer text not null,
  event_id text not null,
  handled_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index if not exists handled_by_age on ${schema}.handled (consumer, handled_at);
-- Keys whose events wait until one that failed was sent again and handled.
create table if not exists ${schema}.held_key (
  consumer text not null,
  event_key text not null,
  event_id text not null,
  reason text not null,
  held_at timestamptz not null default now(),
  primary key (consumer, event_key)
);
-- The events that came for such a key, in order.
create table if not exists ${schema}.held (
  consumer text not null,
  event_key text not null,
  position bigint generated always as identity,
  event jsonb not null,
  primary key (consumer, event_key, position)
);
commit;
`
}
