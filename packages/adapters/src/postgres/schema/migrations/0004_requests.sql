-- Coupon requests: claims that are accepted now and decided later, in the order of their log.

-- How far a partition of a log is decided. It moves in the commit that decides, and only from where that decision read it.
create table @.request_position (
  log text collate "C",
  partition bigint,
  next bigint not null,
  primary key (log, partition),
  constraint request_position_sound check (partition >= 0 and next >= 0)
) with (fillfactor = 50);

-- What became of each request. Written once, by the commit that decided it.
create table @.request_verdict (
  request_id text collate "C" primary key,
  outcome json not null
);

-- The log of requests in this database, for shops that keep theirs here. One row: who appends locks it until the commit, so
-- that offsets become visible in their order.
create table @.request_log (
  one boolean primary key default true check (one),
  -- A database that is made anew has another log.
  log text collate "C" not null,
  -- The offset of the next claim.
  next bigint not null check (next >= 0)
) with (fillfactor = 50);

insert into @.request_log (log, next) values (gen_random_uuid()::text, 0);

-- Claims that wait. Those that are decided are deleted.
create table @.request_claim (
  place bigint primary key,
  campaign_id text collate "C" not null,
  account_id text collate "C" not null,
  at bigint not null,
  command_id text collate "C" not null,
  scope text collate "C" not null,
  key text collate "C" not null
);
