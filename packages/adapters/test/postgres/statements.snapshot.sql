-- What PostgreSQL is sent, recorded from a run. A test compares it; `vitest -u` writes it again.
-- `@.` stands for the schema of the shop.
--
-- Calls, one after the other, and the frames of each: what stands on one line is sent in one piece.
--
-- points.open
--   snapshot account,receipt
--   begin, insert account, insert receipt, append events, commit
-- points.charge
--   snapshot account,points.charge
--   begin, move account, append events, commit
-- points.charge, repeated
--   snapshot account,points.charge
--   begin, make the commit wait for standbys, commit
-- points.adjust
--   snapshot account,receipt
--   begin, move account, insert receipt, append events, commit
-- points.suspend
--   begin, change account, insert receipt, insert terms, append events, commit
-- points.resume
--   begin, change account, insert receipt, insert terms, append events, commit
-- stock.register
--   snapshot product,receipt
--   begin, insert receipt, move product, insert product, append events, commit
-- stock.restock
--   snapshot product,receipt
--   begin, insert receipt, move product, append events, commit
-- stock.rename
--   snapshot product,receipt
--   begin, insert receipt, change product, insert terms, append events, commit
-- coupons.createCampaign
--   snapshot campaign,receipt
--   begin, insert campaign, insert receipt, append events, commit
-- coupons.issue
--   snapshot account,coupon,campaign,coupons.issue
--   begin, rely on account, move campaign, insert coupon, append events, commit
-- orders.place
--   snapshot account,product,bucket,orders.place
--   begin, move account, insert order, move product, count bucket, append events, commit
-- orders.place, with a coupon
--   snapshot account,coupon,product,bucket,orders.place
--   begin, move account, change coupon, insert order, move product, count bucket, append events, commit
-- orders.place, once more
--   snapshot account,product,bucket,orders.place
--   begin, move account, insert order, move product, count bucket, append events, commit
-- orders.place, out of stock
--   snapshot account,product,bucket,orders.place
-- orders.cancel
--   an order
--   snapshot account,coupon,order,product,bucket,receipt
--   begin, move account, change coupon, change order, insert receipt, move product, uncount bucket, append events, commit
-- orders.complete
--   snapshot order,receipt
--   begin, change order, insert receipt, append events, commit
-- coupons.revoke
--   snapshot coupon,receipt
--   begin, change coupon, insert receipt, append events, commit
-- points.balance
--   an account
-- points.entries
--   page of entries, newest first
-- points.entries, oldest first
--   page of entries
-- stock.product
--   some products, in the order asked for
-- stock.products
--   scan product
-- stock.movements
--   page of movements, newest first
-- coupons.campaign
--   a campaign
-- coupons.coupon
--   a coupon
-- coupons.ofAccount
--   page of coupons of an account
-- coupons.ofCampaign
--   page of coupons of a campaign
-- orders.get
--   an order
-- orders.ofAccount
--   orders by account_id, newest first
-- orders.byReference
--   orders by reference, newest first
-- popularity.top
--   products sold most
--   some products, in the order asked for
-- outcome
--   a receipt, and whether commits wait
--   an order

-- The statements by name.

-- a campaign
-- $1 campaign_id text
select json_build_array(json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version))::text from @.campaign r where r.campaign_id = $1::text;

-- a coupon
-- $1 campaign_id text, $2 account_id text
select json_build_array(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version))::text from @.coupon r where r.campaign_id = $1::text and r.account_id = $2::text;

-- a name gets events
-- $1 name text, $2 fence bigint
update @.subscription set is_ready = true where name = $1 and fence = $2::bigint and not is_ready;

-- a receipt, and whether commits wait
-- $1 scope text, $2 operation text, $3 key text
select json_build_array(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at), current_setting('synchronous_standby_names') <> '')::text from @.receipts r where r.scope = $1::text and r.operation = $2::text and r.key = $3::text;

-- a slice of a row
-- $1 row bigint, $2 after int, $3 bytes bigint, $4 server text
select json_agg(e.event order by e.n)::text from (
  select x.event, x.n, sum(octet_length(x.event::text)) over (order by x.n) as bytes_so_far
  from @.outbox o cross join lateral json_array_elements(o.events) with ordinality x(event, n)
  where o.id = $1::bigint and x.n > $2::int and coalesce(nullif($4, '')::numeric = extract(epoch from pg_postmaster_start_time()), true)
) e where e.bytes_so_far <= $3::bigint or e.n = $2::int + 1;

-- an account
-- $1 account_id text
select json_build_array(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version))::text from @.account r where r.account_id = $1::text;

-- an event waits again
-- $1 name text, $2 row bigint, $3 index int
with s as materialized (
  select from @.subscription where name = $1 for key share
), p as (
  delete from @.parked
  where name = $1 and outbox_id = $2::bigint and index = $3::int and exists (select from s) returning event
), o as (
  insert into @.outbox (events, size, bytes)
  select json_build_array(event), 1, octet_length(event::text) + 2 from p returning id
), d as (
  insert into @.delivery (name, outbox_id) select $1, id from o returning 1
)
select count(*)::text from d;

-- an order
-- $1 order_id text
select json_build_array(json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version))::text from @.orders r where r.order_id = $1::text;

-- append events
-- $1 events text, $2 size int
with o as (
  insert into @.outbox (events, size, bytes)
  select $1::text::json, $2::int, octet_length($1::text) where exists (select from @.subscription) returning id
), d as (
  insert into @.delivery (name, outbox_id) select s.name, o.id from o cross join @.subscription s
)
select 'heard'::text from o;

-- archived before
-- no parameters
select json_build_array(before)::text from @.archive;

-- change account
-- $1 account_id text[], $2 old_balance bigint[], $3 new_balance bigint[], $4 old_seq bigint[], $5 new_seq bigint[], $6 exact boolean[], $7 counted bigint[], $8 state text[], $9 balance_limit bigint[], $10 version bigint[], $11 changes boolean[], $12 new_state text[], $13 new_balance_limit bigint[], $14 new_version bigint[], $15 account_id text[], $16 seq bigint[], $17 type text[], $18 change bigint[], $19 balance bigint[], $20 order_id text[], $21 reason text[], $22 command_id text[], $23 at bigint[], $24 scope text[], $25 key text[], $26 fingerprint text[], $27 rows int
with x as (
  select * from (select unnest($1::text[]) as account_id, unnest($2::bigint[]) as old_balance, unnest($3::bigint[]) as new_balance, unnest($4::bigint[]) as old_seq, unnest($5::bigint[]) as new_seq, unnest($6::boolean[]) as exact, unnest($7::bigint[]) as counted, unnest($8::text[]) as state, unnest($9::bigint[]) as balance_limit, unnest($10::bigint[]) as version, unnest($11::boolean[]) as changes, unnest($12::text[]) as new_state, unnest($13::bigint[]) as new_balance_limit, unnest($14::bigint[]) as new_version) x order by x.account_id collate "C"
), u as (
  update @.account r
  set balance = r.balance + (x.new_balance - x.old_balance), seq = r.seq + (x.new_seq - x.old_seq), orders = r.orders + x.counted, state = case when x.changes then x.new_state else r.state end, balance_limit = case when x.changes then x.new_balance_limit else r.balance_limit end, version = case when x.changes then x.new_version else r.version end
  from x
  where r.account_id = x.account_id
    and r.state is not distinct from x.state
    and r.balance_limit is not distinct from x.balance_limit
    and x.version in (r.version, 0)
    and (not x.exact or r.balance = x.old_balance and r.seq = x.old_seq)
  returning r.account_id, r.balance - x.new_balance as balance_shift, r.seq - x.new_seq as seq_shift
), shifted as materialized (
  select * from u where u.seq_shift <> 0 or u.balance_shift <> 0
), i as (
  insert into @.entry (account_id, seq, type, change, balance, order_id, reason, command_id, at, scope, key, fingerprint)
  select e.account_id, e.seq + coalesce(s.seq_shift, 0), e.type, e.change, e.balance + coalesce(s.balance_shift, 0), e.order_id, e.reason, e.command_id, e.at, e.scope, e.key, e.fingerprint
  from (select unnest($15::text[]) as account_id, unnest($16::bigint[]) as seq, unnest($17::text[]) as type, unnest($18::bigint[]) as change, unnest($19::bigint[]) as balance, unnest($20::text[]) as order_id, unnest($21::text[]) as reason, unnest($22::text[]) as command_id, unnest($23::bigint[]) as at, unnest($24::text[]) as scope, unnest($25::text[]) as key, unnest($26::text[]) as fingerprint) e left join shifted s on s.account_id = e.account_id
)
select 1 / ((select count(*) from u) = $27::int)::int;

-- change coupon
-- $1 campaign_id text[], $2 account_id text[], $3 state text[], $4 order_id text[], $5 changed_at bigint[], $6 version bigint[], $7 changes boolean[], $8 new_state text[], $9 new_order_id text[], $10 new_changed_at bigint[], $11 new_version bigint[], $12 rows int
with x as (
  select * from (select unnest($1::text[]) as campaign_id, unnest($2::text[]) as account_id, unnest($3::text[]) as state, unnest($4::text[]) as order_id, unnest($5::bigint[]) as changed_at, unnest($6::bigint[]) as version, unnest($7::boolean[]) as changes, unnest($8::text[]) as new_state, unnest($9::text[]) as new_order_id, unnest($10::bigint[]) as new_changed_at, unnest($11::bigint[]) as new_version) x order by x.campaign_id collate "C", x.account_id collate "C"
), u as (
  update @.coupon r
  set state = case when x.changes then x.new_state else r.state end, order_id = case when x.changes then x.new_order_id else r.order_id end, changed_at = case when x.changes then x.new_changed_at else r.changed_at end, version = case when x.changes then x.new_version else r.version end
  from x
  where r.campaign_id = x.campaign_id and r.account_id = x.account_id
    and r.state is not distinct from x.state
    and r.order_id is not distinct from x.order_id
    and r.changed_at is not distinct from x.changed_at
    and x.version in (r.version, 0)
  returning r.campaign_id, r.account_id
)
select 1 / ((select count(*) from u) = $12::int)::int;

-- change order
-- $1 order_id text[], $2 state text[], $3 closed_at bigint[], $4 closed_by text[], $5 restocked boolean[], $6 version bigint[], $7 changes boolean[], $8 new_state text[], $9 new_closed_at bigint[], $10 new_closed_by text[], $11 new_restocked boolean[], $12 new_version bigint[], $13 rows int
with x as (
  select * from (select unnest($1::text[]) as order_id, unnest($2::text[]) as state, unnest($3::bigint[]) as closed_at, unnest($4::text[]) as closed_by, unnest($5::boolean[]) as restocked, unnest($6::bigint[]) as version, unnest($7::boolean[]) as changes, unnest($8::text[]) as new_state, unnest($9::bigint[]) as new_closed_at, unnest($10::text[]) as new_closed_by, unnest($11::boolean[]) as new_restocked, unnest($12::bigint[]) as new_version) x order by x.order_id collate "C"
), u as (
  update @.orders r
  set state = case when x.changes then x.new_state else r.state end, closed_at = case when x.changes then x.new_closed_at else r.closed_at end, closed_by = case when x.changes then x.new_closed_by else r.closed_by end, restocked = case when x.changes then x.new_restocked else r.restocked end, version = case when x.changes then x.new_version else r.version end
  from x
  where r.order_id = x.order_id
    and r.state is not distinct from x.state
    and r.closed_at is not distinct from x.closed_at
    and r.closed_by is not distinct from x.closed_by
    and r.restocked is not distinct from x.restocked
    and x.version in (r.version, 0)
  returning r.order_id
)
select 1 / ((select count(*) from u) = $13::int)::int;

-- change product
-- $1 product_id text[], $2 old_on_hand bigint[], $3 new_on_hand bigint[], $4 old_revision bigint[], $5 new_revision bigint[], $6 exact boolean[], $7 name text[], $8 price bigint[], $9 retired boolean[], $10 version bigint[], $11 changes boolean[], $12 new_name text[], $13 new_price bigint[], $14 new_retired boolean[], $15 new_version bigint[], $16 product_id text[], $17 revision bigint[], $18 type text[], $19 change bigint[], $20 on_hand bigint[], $21 order_id text[], $22 reason text[], $23 command_id text[], $24 at bigint[], $25 rows int
with x as (
  select * from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as old_on_hand, unnest($3::bigint[]) as new_on_hand, unnest($4::bigint[]) as old_revision, unnest($5::bigint[]) as new_revision, unnest($6::boolean[]) as exact, unnest($7::text[]) as name, unnest($8::bigint[]) as price, unnest($9::boolean[]) as retired, unnest($10::bigint[]) as version, unnest($11::boolean[]) as changes, unnest($12::text[]) as new_name, unnest($13::bigint[]) as new_price, unnest($14::boolean[]) as new_retired, unnest($15::bigint[]) as new_version) x order by x.product_id collate "C"
), u as (
  update @.product r
  set on_hand = r.on_hand + (x.new_on_hand - x.old_on_hand), revision = r.revision + (x.new_revision - x.old_revision), name = case when x.changes then x.new_name else r.name end, price = case when x.changes then x.new_price else r.price end, retired = case when x.changes then x.new_retired else r.retired end, version = case when x.changes then x.new_version else r.version end
  from x
  where r.product_id = x.product_id
    and r.name is not distinct from x.name
    and r.price is not distinct from x.price
    and r.retired is not distinct from x.retired
    and x.version in (r.version, 0)
    and (not x.exact or r.on_hand = x.old_on_hand and r.revision = x.old_revision)
  returning r.product_id, r.on_hand - x.new_on_hand as on_hand_shift, r.revision - x.new_revision as revision_shift
), shifted as materialized (
  select * from u where u.revision_shift <> 0 or u.on_hand_shift <> 0
), i as (
  insert into @.movement (product_id, revision, type, change, on_hand, order_id, reason, command_id, at)
  select e.product_id, e.revision + coalesce(s.revision_shift, 0), e.type, e.change, e.on_hand + coalesce(s.on_hand_shift, 0), e.order_id, e.reason, e.command_id, e.at
  from (select unnest($16::text[]) as product_id, unnest($17::bigint[]) as revision, unnest($18::text[]) as type, unnest($19::bigint[]) as change, unnest($20::bigint[]) as on_hand, unnest($21::text[]) as order_id, unnest($22::text[]) as reason, unnest($23::text[]) as command_id, unnest($24::bigint[]) as at) e left join shifted s on s.product_id = e.product_id
)
select 1 / ((select count(*) from u) = $25::int)::int;

-- claim events
-- $1 name text, $2 owner text, $3 fence bigint, $4 low bigint[], $5 high bigint[], $6 in_hand bigint[], $7 rows int, $8 events bigint, $9 bytes bigint
with r as materialized (
  select d.outbox_id, d.settled, o.size, coalesce(o.bytes, octet_length(o.events::text)) as bytes
  from unnest($4::bigint[], $5::bigint[]) g(low, high)
    cross join lateral (
      select d.outbox_id, d.settled from @.delivery d
      where d.name = $1 and d.outbox_id between g.low and g.high and d.outbox_id <> all($6::bigint[])
      order by d.outbox_id limit $7::int
    ) d
    join @.outbox o on o.id = d.outbox_id
  order by d.outbox_id limit $7::int
), s as (
  select r.*, row_number() over w as n, sum(r.size) over w as events_so_far, sum(r.bytes) over w as bytes_so_far
  from r window w as (order by r.outbox_id rows unbounded preceding)
)
select json_build_array(json_build_array(
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
  (select count(*) from r),
  extract(epoch from pg_postmaster_start_time()),
  (select json_agg(json_build_array(s.outbox_id, s.settled, s.size, s.bytes,
      case when s.bytes <= $9::bigint then (select o.events from @.outbox o where o.id = s.outbox_id) end
    ) order by s.outbox_id)
    from s where s.n = 1 or (s.events_so_far <= $8::bigint and s.bytes_so_far <= $9::bigint))
))::text where exists (select from @.subscription s where s.name = $1 and s.owner = $2 and s.fence = $3::bigint);

-- count bucket
-- $1 product_id text[], $2 hour bigint[], $3 units bigint[]
insert into @.bucket as r (product_id, hour, sold)
select * from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as hour, unnest($3::bigint[]) as units) x
order by x.product_id collate "C", x.hour
on conflict (product_id, hour) do update set sold = r.sold + excluded.sold;

-- delete deliveries that are settled
-- $1 name text, $2 rows bigint[]
delete from @.delivery d using @.outbox o
where d.name = $1 and d.outbox_id = any($2::bigint[]) and o.id = d.outbox_id and cardinality(d.settled) >= o.size;

-- delete rows that all have had
-- $1 rows bigint[]
delete from @.outbox o
where o.id = any($1::bigint[]) and not exists (select from @.delivery d where d.outbox_id = o.id);

-- forget a name
-- $1 name text
delete from @.subscription where name = $1;

-- forget what is parked
-- $1 name text, $2 limit int
with p as (
  delete from @.parked where (name, outbox_id, index) in (
    select name, outbox_id, index from @.parked where name = $1 and not exists (select from @.subscription s where s.name = $1) order by outbox_id, index limit $2::int
  ) returning 1
)
select 'some'::text from p limit 1;

-- forget what waits for a name
-- $1 name text, $2 rows bigint[]
delete from @.delivery where name = $1 and outbox_id = any($2::bigint[]) and not exists (select from @.subscription s where s.name = $1);

-- hold a lease until the commit
-- $1 name text, $2 owner text, $3 fence bigint, $4 server text
select 'yes'::text from @.subscription s
where s.name = $1 and s.owner = $2 and s.fence = $3::bigint and coalesce(nullif($4, '')::numeric = extract(epoch from pg_postmaster_start_time()), true) for share;

-- hold a name until the commit
-- $1 name text
select pg_advisory_xact_lock(f.tableoid::bigint << 32 | hashtext($1)::bigint & 4294967295)::text from @.fence f;

-- how much waits for a name
-- $1 name text
select json_build_array(json_build_array(
  (select coalesce(sum(o.size - cardinality(d.settled)), 0) from @.delivery d join @.outbox o on o.id = d.outbox_id
    where d.name = $1 and exists (select from @.subscription s where s.name = $1)),
  (select count(*) from @.parked where name = $1 and exists (select from @.subscription s where s.name = $1)),
  (select (e.event ->> 'occurredAt')::bigint
    from (select d.outbox_id, d.settled from @.delivery d
        where d.name = $1 and exists (select from @.subscription s where s.name = $1) order by d.outbox_id limit 1) d
      join @.outbox o on o.id = d.outbox_id
      cross join lateral json_array_elements(o.events) with ordinality e(event, n)
    where not (e.n - 1)::int = any(d.settled)
    order by e.n limit 1)
))::text;

-- insert account
-- $1 account_id text[], $2 balance bigint[], $3 seq bigint[], $4 state text[], $5 balance_limit bigint[], $6 opened_at bigint[], $7 version bigint[], $8 counted bigint[]
insert into @.account (account_id, balance, seq, state, balance_limit, opened_at, version, orders)
select x.account_id, x.balance, x.seq, x.state, x.balance_limit, x.opened_at, x.version, x.counted
from (select unnest($1::text[]) as account_id, unnest($2::bigint[]) as balance, unnest($3::bigint[]) as seq, unnest($4::text[]) as state, unnest($5::bigint[]) as balance_limit, unnest($6::bigint[]) as opened_at, unnest($7::bigint[]) as version, unnest($8::bigint[]) as counted) x
order by x.account_id collate "C";

-- insert campaign
-- $1 campaign_id text[], $2 issued bigint[], $3 name text[], $4 discount text[], $5 issue_limit bigint[], $6 opens_at bigint[], $7 closes_at bigint[], $8 valid_days bigint[], $9 state text[], $10 created_limit bigint[], $11 created_state text[], $12 version bigint[]
insert into @.campaign (campaign_id, issued, name, discount, issue_limit, opens_at, closes_at, valid_days, state, created_limit, created_state, version)
select x.campaign_id, x.issued, x.name, x.discount::json, x.issue_limit, x.opens_at, x.closes_at, x.valid_days, x.state, x.created_limit, x.created_state, x.version
from (select unnest($1::text[]) as campaign_id, unnest($2::bigint[]) as issued, unnest($3::text[]) as name, unnest($4::text[]) as discount, unnest($5::bigint[]) as issue_limit, unnest($6::bigint[]) as opens_at, unnest($7::bigint[]) as closes_at, unnest($8::bigint[]) as valid_days, unnest($9::text[]) as state, unnest($10::bigint[]) as created_limit, unnest($11::text[]) as created_state, unnest($12::bigint[]) as version) x
order by x.campaign_id collate "C";

-- insert coupon
-- $1 campaign_id text[], $2 account_id text[], $3 ticket bigint[], $4 discount text[], $5 issued_at bigint[], $6 expires_at bigint[], $7 state text[], $8 order_id text[], $9 changed_at bigint[], $10 command_id text[], $11 version bigint[], $12 scope text[], $13 key text[], $14 fingerprint text[]
insert into @.coupon (campaign_id, account_id, ticket, discount, issued_at, expires_at, state, order_id, changed_at, command_id, version, scope, key, fingerprint)
select x.campaign_id, x.account_id, x.ticket, x.discount::json, x.issued_at, x.expires_at, x.state, x.order_id, x.changed_at, x.command_id, x.version, x.scope, x.key, x.fingerprint
from (select unnest($1::text[]) as campaign_id, unnest($2::text[]) as account_id, unnest($3::bigint[]) as ticket, unnest($4::text[]) as discount, unnest($5::bigint[]) as issued_at, unnest($6::bigint[]) as expires_at, unnest($7::text[]) as state, unnest($8::text[]) as order_id, unnest($9::bigint[]) as changed_at, unnest($10::text[]) as command_id, unnest($11::bigint[]) as version, unnest($12::text[]) as scope, unnest($13::text[]) as key, unnest($14::text[]) as fingerprint) x
order by x.campaign_id collate "C", x.account_id collate "C";

-- insert order
-- $1 order_id text[], $2 account_id text[], $3 lines text[], $4 total bigint[], $5 discount bigint[], $6 paid bigint[], $7 campaign_id text[], $8 reference text[], $9 metadata text[], $10 state text[], $11 placed_at bigint[], $12 closed_at bigint[], $13 closed_by text[], $14 restocked boolean[], $15 version bigint[], $16 scope text[], $17 key text[], $18 fingerprint text[], $19 counted bigint[]
insert into @.orders (order_id, account_id, lines, total, discount, paid, campaign_id, reference, metadata, state, placed_at, closed_at, closed_by, restocked, version, scope, key, fingerprint, number, placed_in)
select x.order_id, x.account_id, x.lines::json, x.total, x.discount, x.paid, x.campaign_id, x.reference, x.metadata::json, x.state, x.placed_at, x.closed_at, x.closed_by, x.restocked, x.version, x.scope, x.key, x.fingerprint, (select a.orders from @.account a where a.account_id = x.account_id) - x.counted, (select e.base from @.era e where e.one) + pg_current_xact_id()::text::bigint
from (select unnest($1::text[]) as order_id, unnest($2::text[]) as account_id, unnest($3::text[]) as lines, unnest($4::bigint[]) as total, unnest($5::bigint[]) as discount, unnest($6::bigint[]) as paid, unnest($7::text[]) as campaign_id, unnest($8::text[]) as reference, unnest($9::text[]) as metadata, unnest($10::text[]) as state, unnest($11::bigint[]) as placed_at, unnest($12::bigint[]) as closed_at, unnest($13::text[]) as closed_by, unnest($14::boolean[]) as restocked, unnest($15::bigint[]) as version, unnest($16::text[]) as scope, unnest($17::text[]) as key, unnest($18::text[]) as fingerprint, unnest($19::bigint[]) as counted) x
order by x.order_id collate "C";

-- insert product
-- $1 product_id text[], $2 on_hand bigint[], $3 revision bigint[], $4 name text[], $5 price bigint[], $6 retired boolean[], $7 registered_name text[], $8 registered_price bigint[], $9 registered_on_hand bigint[], $10 version bigint[]
insert into @.product (product_id, on_hand, revision, name, price, retired, registered_name, registered_price, registered_on_hand, version)
select x.product_id, x.on_hand, x.revision, x.name, x.price, x.retired, x.registered_name, x.registered_price, x.registered_on_hand, x.version
from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as on_hand, unnest($3::bigint[]) as revision, unnest($4::text[]) as name, unnest($5::bigint[]) as price, unnest($6::boolean[]) as retired, unnest($7::text[]) as registered_name, unnest($8::bigint[]) as registered_price, unnest($9::bigint[]) as registered_on_hand, unnest($10::bigint[]) as version) x
order by x.product_id collate "C";

-- insert receipt
-- $1 scope text[], $2 operation text[], $3 key text[], $4 command_id text[], $5 fingerprint text[], $6 answer text[], $7 at bigint[]
insert into @.receipt (scope, operation, key, command_id, fingerprint, answer, at)
select x.scope, x.operation, x.key, x.command_id, x.fingerprint, x.answer::json, x.at
from (select unnest($1::text[]) as scope, unnest($2::text[]) as operation, unnest($3::text[]) as key, unnest($4::text[]) as command_id, unnest($5::text[]) as fingerprint, unnest($6::text[]) as answer, unnest($7::bigint[]) as at) x
order by x.scope collate "C", x.operation collate "C", x.key collate "C";

-- insert terms
-- $1 id text[], $2 owner text[], $3 version bigint[], $4 counter bigint[], $5 before text[], $6 after text[], $7 command_id text[], $8 at bigint[]
insert into @.terms (id, owner, version, counter, before, after, command_id, at)
select x.id, x.owner, x.version, x.counter, x.before::json, x.after::json, x.command_id, x.at
from (select unnest($1::text[]) as id, unnest($2::text[]) as owner, unnest($3::bigint[]) as version, unnest($4::bigint[]) as counter, unnest($5::text[]) as before, unnest($6::text[]) as after, unnest($7::text[]) as command_id, unnest($8::bigint[]) as at) x
order by x.id collate "C", x.owner collate "C", x.version;

-- lock account
-- $1 account_id text[]
select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version))::text from (
  select * from @.account r where r.account_id = any($1::text[]) order by r.account_id collate "C" for update
) r;

-- lock bucket
-- $1 product_id text[], $2 hour bigint[]
select json_agg(json_build_array(r.product_id, r.hour, r.sold))::text from (
  select c.* from (select * from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as hour) k order by k.product_id collate "C", k.hour) k
    cross join lateral (select * from @.bucket c where c.product_id = k.product_id and c.hour = k.hour for update) c
) r;

-- lock campaign
-- $1 campaign_id text[]
select json_agg(json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version))::text from (
  select * from @.campaign r where r.campaign_id = any($1::text[]) order by r.campaign_id collate "C" for update
) r;

-- lock coupon
-- $1 campaign_id text[], $2 account_id text[]
select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version))::text from (
  select c.* from (select * from (select unnest($1::text[]) as campaign_id, unnest($2::text[]) as account_id) k order by k.campaign_id collate "C", k.account_id collate "C") k
    cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id for update) c
) r;

-- lock order
-- $1 order_id text[]
select json_agg(json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version))::text from (
  select * from @.orders r where r.order_id = any($1::text[]) order by r.order_id collate "C" for update
) r;

-- lock product
-- $1 product_id text[]
select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version))::text from (
  select * from @.product r where r.product_id = any($1::text[]) order by r.product_id collate "C" for update
) r;

-- lock rows of events
-- $1 rows bigint[]
select 1 from (select id from @.outbox where id = any($1::bigint[]) order by id for update) r;

-- make the commit wait for standbys
-- no parameters
select case when current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local')
  then pg_logical_emit_message(true, 'holdfast', '')::text end;

-- move account
-- $1 account_id text[], $2 old_balance bigint[], $3 new_balance bigint[], $4 old_seq bigint[], $5 new_seq bigint[], $6 exact boolean[], $7 counted bigint[], $8 state text[], $9 balance_limit bigint[], $10 version bigint[], $11 account_id text[], $12 seq bigint[], $13 type text[], $14 change bigint[], $15 balance bigint[], $16 order_id text[], $17 reason text[], $18 command_id text[], $19 at bigint[], $20 scope text[], $21 key text[], $22 fingerprint text[], $23 rows int
with x as (
  select * from (select unnest($1::text[]) as account_id, unnest($2::bigint[]) as old_balance, unnest($3::bigint[]) as new_balance, unnest($4::bigint[]) as old_seq, unnest($5::bigint[]) as new_seq, unnest($6::boolean[]) as exact, unnest($7::bigint[]) as counted, unnest($8::text[]) as state, unnest($9::bigint[]) as balance_limit, unnest($10::bigint[]) as version) x order by x.account_id collate "C"
), u as (
  update @.account r
  set balance = r.balance + (x.new_balance - x.old_balance), seq = r.seq + (x.new_seq - x.old_seq), orders = r.orders + x.counted
  from x
  where r.account_id = x.account_id
    and r.state is not distinct from x.state
    and r.balance_limit is not distinct from x.balance_limit
    and x.version in (r.version, 0)
    and (not x.exact or r.balance = x.old_balance and r.seq = x.old_seq)
  returning r.account_id, r.balance - x.new_balance as balance_shift, r.seq - x.new_seq as seq_shift
), shifted as materialized (
  select * from u where u.seq_shift <> 0 or u.balance_shift <> 0
), i as (
  insert into @.entry (account_id, seq, type, change, balance, order_id, reason, command_id, at, scope, key, fingerprint)
  select e.account_id, e.seq + coalesce(s.seq_shift, 0), e.type, e.change, e.balance + coalesce(s.balance_shift, 0), e.order_id, e.reason, e.command_id, e.at, e.scope, e.key, e.fingerprint
  from (select unnest($11::text[]) as account_id, unnest($12::bigint[]) as seq, unnest($13::text[]) as type, unnest($14::bigint[]) as change, unnest($15::bigint[]) as balance, unnest($16::text[]) as order_id, unnest($17::text[]) as reason, unnest($18::text[]) as command_id, unnest($19::bigint[]) as at, unnest($20::text[]) as scope, unnest($21::text[]) as key, unnest($22::text[]) as fingerprint) e left join shifted s on s.account_id = e.account_id
)
select 1 / ((select count(*) from u) = $23::int)::int;

-- move campaign
-- $1 campaign_id text[], $2 old_issued bigint[], $3 new_issued bigint[], $4 exact boolean[], $5 name text[], $6 discount text[], $7 issue_limit bigint[], $8 opens_at bigint[], $9 closes_at bigint[], $10 valid_days bigint[], $11 state text[], $12 version bigint[], $13 rows int
with x as (
  select * from (select unnest($1::text[]) as campaign_id, unnest($2::bigint[]) as old_issued, unnest($3::bigint[]) as new_issued, unnest($4::boolean[]) as exact, unnest($5::text[]) as name, unnest($6::text[]) as discount, unnest($7::bigint[]) as issue_limit, unnest($8::bigint[]) as opens_at, unnest($9::bigint[]) as closes_at, unnest($10::bigint[]) as valid_days, unnest($11::text[]) as state, unnest($12::bigint[]) as version) x order by x.campaign_id collate "C"
), u as (
  update @.campaign r
  set issued = r.issued + (x.new_issued - x.old_issued)
  from x
  where r.campaign_id = x.campaign_id
    and r.name is not distinct from x.name
    and r.discount::jsonb is not distinct from x.discount::jsonb
    and r.issue_limit is not distinct from x.issue_limit
    and r.opens_at is not distinct from x.opens_at
    and r.closes_at is not distinct from x.closes_at
    and r.valid_days is not distinct from x.valid_days
    and r.state is not distinct from x.state
    and x.version in (r.version, 0)
    and (not x.exact or r.issued = x.old_issued)
  returning r.campaign_id, r.issued - x.new_issued as issued_shift
)
select 1 / ((select count(*) from u) = $13::int)::int;

-- move product
-- $1 product_id text[], $2 old_on_hand bigint[], $3 new_on_hand bigint[], $4 old_revision bigint[], $5 new_revision bigint[], $6 exact boolean[], $7 name text[], $8 price bigint[], $9 retired boolean[], $10 version bigint[], $11 product_id text[], $12 revision bigint[], $13 type text[], $14 change bigint[], $15 on_hand bigint[], $16 order_id text[], $17 reason text[], $18 command_id text[], $19 at bigint[], $20 rows int
with x as (
  select * from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as old_on_hand, unnest($3::bigint[]) as new_on_hand, unnest($4::bigint[]) as old_revision, unnest($5::bigint[]) as new_revision, unnest($6::boolean[]) as exact, unnest($7::text[]) as name, unnest($8::bigint[]) as price, unnest($9::boolean[]) as retired, unnest($10::bigint[]) as version) x order by x.product_id collate "C"
), u as (
  update @.product r
  set on_hand = r.on_hand + (x.new_on_hand - x.old_on_hand), revision = r.revision + (x.new_revision - x.old_revision)
  from x
  where r.product_id = x.product_id
    and r.name is not distinct from x.name
    and r.price is not distinct from x.price
    and r.retired is not distinct from x.retired
    and x.version in (r.version, 0)
    and (not x.exact or r.on_hand = x.old_on_hand and r.revision = x.old_revision)
  returning r.product_id, r.on_hand - x.new_on_hand as on_hand_shift, r.revision - x.new_revision as revision_shift
), shifted as materialized (
  select * from u where u.revision_shift <> 0 or u.on_hand_shift <> 0
), i as (
  insert into @.movement (product_id, revision, type, change, on_hand, order_id, reason, command_id, at)
  select e.product_id, e.revision + coalesce(s.revision_shift, 0), e.type, e.change, e.on_hand + coalesce(s.on_hand_shift, 0), e.order_id, e.reason, e.command_id, e.at
  from (select unnest($11::text[]) as product_id, unnest($12::bigint[]) as revision, unnest($13::text[]) as type, unnest($14::bigint[]) as change, unnest($15::bigint[]) as on_hand, unnest($16::text[]) as order_id, unnest($17::text[]) as reason, unnest($18::text[]) as command_id, unnest($19::bigint[]) as at) e left join shifted s on s.product_id = e.product_id
)
select 1 / ((select count(*) from u) = $20::int)::int;

-- orders by account_id, newest first
-- $1 account_id text, $2 number bigint, $3 order_id text, $4 limit int
with o as materialized (
  select * from @.orders o where o.account_id = $1::text and (o.number, o.order_id) < ($2::bigint, $3::text collate "C") order by o.number desc, o.order_id desc limit $4::int + 1
), r as (
  select o.*, sum(octet_length(o.lines::text)) over (order by o.number desc, o.order_id desc rows unbounded preceding)
    - octet_length(o.lines::text) as before
  from o
)
select json_build_array(
  (select json_agg(json_build_array(r.number, json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version)) order by r.number desc, r.order_id desc) from r where r.before <= 1048576),
  exists (select from r where r.before > 1048576)
)::text;

-- orders by reference, newest first
-- $1 reference text, $2 placed_in bigint, $3 order_id text, $4 limit int
with o as materialized (
  select * from @.orders o where o.reference = $1::text and (o.placed_in, o.order_id) < ($2::bigint, $3::text collate "C") order by o.placed_in desc, o.order_id desc limit $4::int + 1
), r as (
  select o.*, sum(octet_length(o.lines::text)) over (order by o.placed_in desc, o.order_id desc rows unbounded preceding)
    - octet_length(o.lines::text) as before
  from o
)
select json_build_array(
  (select json_agg(json_build_array(r.placed_in, json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version)) order by r.placed_in desc, r.order_id desc) from r where r.before <= 1048576),
  exists (select from r where r.before > 1048576)
)::text;

-- page of coupons of a campaign
-- $1 campaign_id text, $2 after bigint, $3 limit int
select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version) order by r.ticket asc)::text from (
  select * from @.coupon where campaign_id = $1::text and ($2::bigint is null or ticket > $2::bigint)
  order by ticket asc limit $3::int
) r;

-- page of coupons of an account
-- $1 account_id text, $2 after text, $3 limit int
select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version) order by r.campaign_id asc)::text from (
  select * from @.coupon where account_id = $1::text and ($2::text is null or campaign_id > $2::text collate "C")
  order by campaign_id asc limit $3::int
) r;

-- page of entries
-- $1 account_id text, $2 after bigint, $3 limit int
select json_agg(json_build_array(r.account_id, r.seq, r.type, r.change, r.balance, r.order_id, r.reason, r.command_id, r.at) order by r.seq asc)::text from (
  select * from @.entry where account_id = $1::text and ($2::bigint is null or seq > $2::bigint)
  order by seq asc limit $3::int
) r;

-- page of entries, newest first
-- $1 account_id text, $2 after bigint, $3 limit int
select json_agg(json_build_array(r.account_id, r.seq, r.type, r.change, r.balance, r.order_id, r.reason, r.command_id, r.at) order by r.seq desc)::text from (
  select * from @.entry where account_id = $1::text and ($2::bigint is null or seq < $2::bigint)
  order by seq desc limit $3::int
) r;

-- page of movements, newest first
-- $1 product_id text, $2 after bigint, $3 limit int
select json_agg(json_build_array(r.product_id, r.revision, r.type, r.change, r.on_hand, r.order_id, r.reason, r.command_id, r.at) order by r.revision desc)::text from (
  select * from @.movement where product_id = $1::text and ($2::bigint is null or revision < $2::bigint)
  order by revision desc limit $3::int
) r;

-- park an event
-- $1 name text, $2 owner text, $3 fence bigint, $4 server text, $5 row bigint, $6 index int, $7 reason text, $8 parked_at bigint
insert into @.parked (name, outbox_id, index, event, reason, parked_at)
select d.name, d.outbox_id, $6::int, o.events -> $6::int, $7, $8::bigint
from @.delivery d join @.outbox o on o.id = d.outbox_id
where d.name = $1 and d.outbox_id = $5::bigint and $6::int between 0 and o.size - 1 and not $6::int = any(d.settled)
  and exists (select from @.subscription s where s.name = $1 and s.owner = $2 and s.fence = $3::bigint and coalesce(nullif($4, '')::numeric = extract(epoch from pg_postmaster_start_time()), true))
on conflict do nothing;

-- parked events
-- $1 name text, $2 row bigint, $3 index int, $4 limit int
select json_agg(json_build_array(r.outbox_id, r.index, r.event, r.reason, r.parked_at) order by r.outbox_id, r.index)::text from (
  select * from @.parked where name = $1 and (outbox_id, index) > ($2::bigint, $3::int) and exists (select from @.subscription s where s.name = $1)
  order by outbox_id, index limit $4::int
) r;

-- products sold most
-- $1 from_hour bigint, $2 until_hour bigint, $3 limit int
select json_agg(json_build_array(s.product_id, s.sold) order by s.sold desc, s.product_id)::text from (
  select s.product_id, s.sold from (
    select b.product_id, least(sum(b.sold), 9007199254740991)::bigint as sold
    from @.bucket b where b.hour >= $1::bigint
      and b.hour < $2::bigint
    group by b.product_id
    having sum(b.sold) > 0
    order by 2 desc, 1
  ) s
  where not exists (select from @.product p where p.product_id = s.product_id and p.retired)
  order by 2 desc, 1 limit $3::int
) s;

-- read claimed events again
-- $1 name text, $2 owner text, $3 fence bigint, $4 server text, $5 rows bigint[], $6 bytes bigint
with s as (
  select d.outbox_id, d.settled, o.size, o.bytes, row_number() over w as n, sum(o.bytes) over w as bytes_so_far
  from unnest($5::bigint[]) i(id)
    join @.delivery d on d.name = $1 and d.outbox_id = i.id
    cross join lateral (
      select o.size, coalesce(o.bytes, octet_length(o.events::text)) as bytes from @.outbox o where o.id = i.id
    ) o
  window w as (order by i.id rows unbounded preceding)
)
select coalesce(json_agg(json_build_array(s.outbox_id, s.settled, s.size, s.bytes,
    case when s.bytes <= $6::bigint then (select o.events from @.outbox o where o.id = s.outbox_id) end
  ) order by s.outbox_id), '[]')::text
from s where s.n = 1 or s.bytes_so_far <= $6::bigint
having exists (select from @.subscription s where s.name = $1 and s.owner = $2 and s.fence = $3::bigint and coalesce(nullif($4, '')::numeric = extract(epoch from pg_postmaster_start_time()), true));

-- read coupons.issue receipts
-- $1 scope text[], $2 key text[]
select (select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($1::text[]) as scope, unnest($2::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'coupons.issue' and c.key = k.key offset 0) r)::text;

-- read orders.place receipts
-- $1 scope text[], $2 key text[]
select (select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($1::text[]) as scope, unnest($2::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'orders.place' and c.key = k.key offset 0) r)::text;

-- read other receipts
-- $1 scope text[], $2 operation text[], $3 key text[]
select (select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($1::text[]) as scope, unnest($2::text[]) as operation, unnest($3::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)::text;

-- read points.charge receipts
-- $1 scope text[], $2 key text[]
select (select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($1::text[]) as scope, unnest($2::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'points.charge' and c.key = k.key offset 0) r)::text;

-- register a name
-- $1 name text
insert into @.subscription (name, is_ready, fence)
select $1, false, nextval(f.tableoid::regclass) from @.fence f on conflict do nothing;

-- release a lease
-- $1 name text, $2 owner text, $3 fence bigint
update @.subscription set owner = null, until = null, locked_by = null
where name = $1 and owner = $2 and fence = $3::bigint;

-- rely on account
-- $1 account_id text[], $2 state text[], $3 balance_limit bigint[], $4 version bigint[], $5 rows int
with x as (
  select * from (select unnest($1::text[]) as account_id, unnest($2::text[]) as state, unnest($3::bigint[]) as balance_limit, unnest($4::bigint[]) as version) x order by x.account_id collate "C"
), held as materialized (
  select 1 from x cross join lateral (
    select 1 from @.account r where r.account_id = x.account_id and r.state is not distinct from x.state and r.balance_limit is not distinct from x.balance_limit and x.version in (r.version, 0) for share
  ) a
)
select 1 / ((select count(*) from held) = $5::int)::int;

-- renew a lease
-- $1 name text, $2 owner text, $3 lease_millis bigint, $4 is_own_session boolean, $5 fence bigint
with k as materialized (
  select f.tableoid as class, hashtext($1) as object from @.fence f
), h as materialized (
  select k.*, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.pid = pg_backend_pid()
      and l.classid = k.class and l.objid = k.object::oid and l.objsubid = 2
  ) as mine from k
), l as materialized (
  select h.mine, h.class, case
    when h.mine then false
    when $4::boolean then pg_try_advisory_lock(h.class::int4, h.object)
    else pg_try_advisory_xact_lock(h.class::int4, h.object)
  end as free from h
)
update @.subscription s
set until = (extract(epoch from clock_timestamp()) * 1000)::bigint + $3::bigint, locked_by = case when $4::boolean and (l.mine or l.free) then $2 end
from l
where s.name = $1 and s.owner = $2 and s.fence = $5::bigint
returning extract(epoch from pg_postmaster_start_time())::text;

-- rows left over of a name
-- $1 name text, $2 after bigint, $3 limit int
select json_agg(r.outbox_id)::text from (
  select outbox_id from @.delivery where name = $1 and outbox_id > $2::bigint and not exists (select from @.subscription s where s.name = $1)
  order by outbox_id limit $3::int
) r;

-- scan account
-- $1 limit int
select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version) order by r.account_id collate "C")::text from (
  select * from @.account  order by account_id limit $1::int
) r;

-- scan account after 1 of 1
-- $1 limit int, $2 account_id text
select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version) order by r.account_id collate "C")::text from (
  select * from @.account where (account_id) > ($2::text collate "C") order by account_id limit $1::int
) r;

-- scan bucket
-- $1 limit int
select json_agg(json_build_array(r.product_id, r.hour, r.sold) order by r.product_id collate "C", r.hour)::text from (
  select * from @.bucket  order by product_id, hour limit $1::int
) r;

-- scan bucket after 1 of 2
-- $1 limit int, $2 product_id text
select json_agg(json_build_array(r.product_id, r.hour, r.sold) order by r.product_id collate "C", r.hour)::text from (
  select * from @.bucket where (product_id) >= ($2::text collate "C") order by product_id, hour limit $1::int
) r;

-- scan bucket after 2 of 2
-- $1 limit int, $2 product_id text, $3 hour bigint
select json_agg(json_build_array(r.product_id, r.hour, r.sold) order by r.product_id collate "C", r.hour)::text from (
  select * from @.bucket where (product_id, hour) > ($2::text collate "C", $3::bigint) order by product_id, hour limit $1::int
) r;

-- scan campaign
-- $1 limit int
select json_agg(json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version) order by r.campaign_id collate "C")::text from (
  select * from @.campaign  order by campaign_id limit $1::int
) r;

-- scan campaign after 1 of 1
-- $1 limit int, $2 campaign_id text
select json_agg(json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version) order by r.campaign_id collate "C")::text from (
  select * from @.campaign where (campaign_id) > ($2::text collate "C") order by campaign_id limit $1::int
) r;

-- scan coupon
-- $1 limit int
select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version) order by r.campaign_id collate "C", r.account_id collate "C")::text from (
  select * from @.coupon  order by campaign_id, account_id limit $1::int
) r;

-- scan coupon after 1 of 2
-- $1 limit int, $2 campaign_id text
select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version) order by r.campaign_id collate "C", r.account_id collate "C")::text from (
  select * from @.coupon where (campaign_id) >= ($2::text collate "C") order by campaign_id, account_id limit $1::int
) r;

-- scan coupon after 2 of 2
-- $1 limit int, $2 campaign_id text, $3 account_id text
select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version) order by r.campaign_id collate "C", r.account_id collate "C")::text from (
  select * from @.coupon where (campaign_id, account_id) > ($2::text collate "C", $3::text collate "C") order by campaign_id, account_id limit $1::int
) r;

-- scan entry
-- $1 limit int
select json_agg(json_build_array(r.account_id, r.seq, r.type, r.change, r.balance, r.order_id, r.reason, r.command_id, r.at) order by r.account_id collate "C", r.seq)::text from (
  select * from @.entry  order by account_id, seq limit $1::int
) r;

-- scan entry after 1 of 2
-- $1 limit int, $2 account_id text
select json_agg(json_build_array(r.account_id, r.seq, r.type, r.change, r.balance, r.order_id, r.reason, r.command_id, r.at) order by r.account_id collate "C", r.seq)::text from (
  select * from @.entry where (account_id) >= ($2::text collate "C") order by account_id, seq limit $1::int
) r;

-- scan entry after 2 of 2
-- $1 limit int, $2 account_id text, $3 seq bigint
select json_agg(json_build_array(r.account_id, r.seq, r.type, r.change, r.balance, r.order_id, r.reason, r.command_id, r.at) order by r.account_id collate "C", r.seq)::text from (
  select * from @.entry where (account_id, seq) > ($2::text collate "C", $3::bigint) order by account_id, seq limit $1::int
) r;

-- scan movement
-- $1 limit int
select json_agg(json_build_array(r.product_id, r.revision, r.type, r.change, r.on_hand, r.order_id, r.reason, r.command_id, r.at) order by r.product_id collate "C", r.revision)::text from (
  select * from @.movement  order by product_id, revision limit $1::int
) r;

-- scan movement after 1 of 2
-- $1 limit int, $2 product_id text
select json_agg(json_build_array(r.product_id, r.revision, r.type, r.change, r.on_hand, r.order_id, r.reason, r.command_id, r.at) order by r.product_id collate "C", r.revision)::text from (
  select * from @.movement where (product_id) >= ($2::text collate "C") order by product_id, revision limit $1::int
) r;

-- scan movement after 2 of 2
-- $1 limit int, $2 product_id text, $3 revision bigint
select json_agg(json_build_array(r.product_id, r.revision, r.type, r.change, r.on_hand, r.order_id, r.reason, r.command_id, r.at) order by r.product_id collate "C", r.revision)::text from (
  select * from @.movement where (product_id, revision) > ($2::text collate "C", $3::bigint) order by product_id, revision limit $1::int
) r;

-- scan orders
-- $1 limit int
select json_agg(json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version) order by r.order_id collate "C")::text from (
  select * from @.orders  order by order_id limit $1::int
) r;

-- scan orders after 1 of 1
-- $1 limit int, $2 order_id text
select json_agg(json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version) order by r.order_id collate "C")::text from (
  select * from @.orders where (order_id) > ($2::text collate "C") order by order_id limit $1::int
) r;

-- scan product
-- $1 limit int
select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version) order by r.product_id collate "C")::text from (
  select * from @.product  order by product_id limit $1::int
) r;

-- scan product after 1 of 1
-- $1 limit int, $2 product_id text
select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version) order by r.product_id collate "C")::text from (
  select * from @.product where (product_id) > ($2::text collate "C") order by product_id limit $1::int
) r;

-- scan receipts
-- $1 limit int, $2 scope text, $3 operation text, $4 key text, $5 orders_scope text, $6 orders_key text, $7 entry_scope text, $8 entry_key text, $9 coupon_scope text, $10 coupon_key text
select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at) order by k.scope, k.operation, k.key)::text from (
  select scope, operation, key from (
    (select scope, operation, key from @.receipt where (scope, operation, key) > ($2::text collate "C", $3::text collate "C", $4::text collate "C") order by scope, operation, key limit $1::int)
    union all (select scope, 'orders.place'::text collate "C", key from @.orders
      where key is not null and (scope, key) > ($5::text, $6::text) order by scope, key limit $1::int)
    union all (select scope, 'points.charge'::text collate "C", key from @.entry
      where key is not null and (scope, key) > ($7::text, $8::text) order by scope, key limit $1::int)
    union all (select scope, 'coupons.issue'::text collate "C", key from @.coupon
      where key is not null and (scope, key) > ($9::text, $10::text) order by scope, key limit $1::int)
  ) s order by scope, operation, key limit $1::int
) k cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r;

-- scan request_position
-- $1 limit int
select json_agg(json_build_array(r.log, r.partition, r.next) order by r.log collate "C", r.partition)::text from (
  select * from @.request_position  order by log, partition limit $1::int
) r;

-- scan request_position after 1 of 2
-- $1 limit int, $2 log text
select json_agg(json_build_array(r.log, r.partition, r.next) order by r.log collate "C", r.partition)::text from (
  select * from @.request_position where (log) >= ($2::text collate "C") order by log, partition limit $1::int
) r;

-- scan request_position after 2 of 2
-- $1 limit int, $2 log text, $3 partition bigint
select json_agg(json_build_array(r.log, r.partition, r.next) order by r.log collate "C", r.partition)::text from (
  select * from @.request_position where (log, partition) > ($2::text collate "C", $3::bigint) order by log, partition limit $1::int
) r;

-- scan request_verdict
-- $1 limit int
select json_agg(json_build_array(r.request_id, r.outcome) order by r.request_id collate "C")::text from (
  select * from @.request_verdict  order by request_id limit $1::int
) r;

-- scan request_verdict after 1 of 1
-- $1 limit int, $2 request_id text
select json_agg(json_build_array(r.request_id, r.outcome) order by r.request_id collate "C")::text from (
  select * from @.request_verdict where (request_id) > ($2::text collate "C") order by request_id limit $1::int
) r;

-- scan terms
-- $1 limit int
select json_agg(json_build_array(r.id, r.owner, r.version, r.counter, r.before, r.after, r.command_id, r.at) order by r.id collate "C", r.owner collate "C", r.version)::text from (
  select * from @.terms  order by id, owner, version limit $1::int
) r;

-- scan terms after 1 of 3
-- $1 limit int, $2 id text
select json_agg(json_build_array(r.id, r.owner, r.version, r.counter, r.before, r.after, r.command_id, r.at) order by r.id collate "C", r.owner collate "C", r.version)::text from (
  select * from @.terms where (id) >= ($2::text collate "C") order by id, owner, version limit $1::int
) r;

-- scan terms after 2 of 3
-- $1 limit int, $2 id text, $3 owner text
select json_agg(json_build_array(r.id, r.owner, r.version, r.counter, r.before, r.after, r.command_id, r.at) order by r.id collate "C", r.owner collate "C", r.version)::text from (
  select * from @.terms where (id, owner) >= ($2::text collate "C", $3::text collate "C") order by id, owner, version limit $1::int
) r;

-- scan terms after 3 of 3
-- $1 limit int, $2 id text, $3 owner text, $4 version bigint
select json_agg(json_build_array(r.id, r.owner, r.version, r.counter, r.before, r.after, r.command_id, r.at) order by r.id collate "C", r.owner collate "C", r.version)::text from (
  select * from @.terms where (id, owner, version) > ($2::text collate "C", $3::text collate "C", $4::bigint) order by id, owner, version limit $1::int
) r;

-- settle events of rows
-- $1 name text, $2 owner text, $3 fence bigint, $4 server text, $5 rows bigint[], $6 indexes int[]
with x as (
  select p.outbox_id, array_agg(distinct p.index) as indexes
  from unnest($5::bigint[], $6::int[]) p(outbox_id, index)
    join @.outbox o on o.id = p.outbox_id and p.index between 0 and o.size - 1
  group by 1
)
update @.delivery d
set settled = array(select distinct i from unnest(d.settled || x.indexes) i order by 1)
from x
where d.name = $1 and d.outbox_id = x.outbox_id and exists (select from @.subscription s where s.name = $1 and s.owner = $2 and s.fence = $3::bigint and coalesce(nullif($4, '')::numeric = extract(epoch from pg_postmaster_start_time()), true));

-- settle rows
-- $1 name text, $2 owner text, $3 fence bigint, $4 server text, $5 rows bigint[]
delete from @.delivery d
where d.name = $1 and d.outbox_id = any($5::bigint[]) and exists (select from @.subscription s where s.name = $1 and s.owner = $2 and s.fence = $3::bigint and coalesce(nullif($4, '')::numeric = extract(epoch from pg_postmaster_start_time()), true));

-- snapshot account,coupon,campaign,coupons.issue
-- $1 account_id text[], $2 campaign_id text[], $3 account_id text[], $4 campaign_id text[], $5 scope text[], $6 key text[]
select json_build_array(
(select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)) from @.account r where r.account_id = any($1::text[])),
(select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version)) from (select unnest($2::text[]) as campaign_id, unnest($3::text[]) as account_id) k
  cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id offset 0) r),
(select json_agg(json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version)) from @.campaign r where r.campaign_id = any($4::text[])),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($5::text[]) as scope, unnest($6::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'coupons.issue' and c.key = k.key offset 0) r)
)::text;

-- snapshot account,coupon,order,product,bucket,receipt
-- $1 account_id text[], $2 campaign_id text[], $3 account_id text[], $4 order_id text[], $5 product_id text[], $6 product_id text[], $7 hour bigint[], $8 scope text[], $9 operation text[], $10 key text[]
select json_build_array(
(select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)) from @.account r where r.account_id = any($1::text[])),
(select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version)) from (select unnest($2::text[]) as campaign_id, unnest($3::text[]) as account_id) k
  cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id offset 0) r),
(select json_agg(json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version)) from @.orders r where r.order_id = any($4::text[])),
(select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version)) from @.product r where r.product_id = any($5::text[])),
(select json_agg(json_build_array(r.product_id, r.hour, r.sold)) from (select unnest($6::text[]) as product_id, unnest($7::bigint[]) as hour) k
  cross join lateral (select * from @.bucket c where c.product_id = k.product_id and c.hour = k.hour offset 0) r),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($8::text[]) as scope, unnest($9::text[]) as operation, unnest($10::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)
)::text;

-- snapshot account,coupon,product,bucket,orders.place
-- $1 account_id text[], $2 campaign_id text[], $3 account_id text[], $4 product_id text[], $5 product_id text[], $6 hour bigint[], $7 scope text[], $8 key text[]
select json_build_array(
(select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)) from @.account r where r.account_id = any($1::text[])),
(select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version)) from (select unnest($2::text[]) as campaign_id, unnest($3::text[]) as account_id) k
  cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id offset 0) r),
(select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version)) from @.product r where r.product_id = any($4::text[])),
(select json_agg(json_build_array(r.product_id, r.hour, r.sold)) from (select unnest($5::text[]) as product_id, unnest($6::bigint[]) as hour) k
  cross join lateral (select * from @.bucket c where c.product_id = k.product_id and c.hour = k.hour offset 0) r),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($7::text[]) as scope, unnest($8::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'orders.place' and c.key = k.key offset 0) r)
)::text;

-- snapshot account,points.charge
-- $1 account_id text[], $2 scope text[], $3 key text[]
select json_build_array(
(select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)) from @.account r where r.account_id = any($1::text[])),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($2::text[]) as scope, unnest($3::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'points.charge' and c.key = k.key offset 0) r)
)::text;

-- snapshot account,product,bucket,orders.place
-- $1 account_id text[], $2 product_id text[], $3 product_id text[], $4 hour bigint[], $5 scope text[], $6 key text[]
select json_build_array(
(select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)) from @.account r where r.account_id = any($1::text[])),
(select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version)) from @.product r where r.product_id = any($2::text[])),
(select json_agg(json_build_array(r.product_id, r.hour, r.sold)) from (select unnest($3::text[]) as product_id, unnest($4::bigint[]) as hour) k
  cross join lateral (select * from @.bucket c where c.product_id = k.product_id and c.hour = k.hour offset 0) r),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($5::text[]) as scope, unnest($6::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = 'orders.place' and c.key = k.key offset 0) r)
)::text;

-- snapshot account,receipt
-- $1 account_id text[], $2 scope text[], $3 operation text[], $4 key text[]
select json_build_array(
(select json_agg(json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)) from @.account r where r.account_id = any($1::text[])),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($2::text[]) as scope, unnest($3::text[]) as operation, unnest($4::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)
)::text;

-- snapshot campaign,receipt
-- $1 campaign_id text[], $2 scope text[], $3 operation text[], $4 key text[]
select json_build_array(
(select json_agg(json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version)) from @.campaign r where r.campaign_id = any($1::text[])),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($2::text[]) as scope, unnest($3::text[]) as operation, unnest($4::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)
)::text;

-- snapshot coupon,receipt
-- $1 campaign_id text[], $2 account_id text[], $3 scope text[], $4 operation text[], $5 key text[]
select json_build_array(
(select json_agg(json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version)) from (select unnest($1::text[]) as campaign_id, unnest($2::text[]) as account_id) k
  cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id offset 0) r),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($3::text[]) as scope, unnest($4::text[]) as operation, unnest($5::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)
)::text;

-- snapshot order,receipt
-- $1 order_id text[], $2 scope text[], $3 operation text[], $4 key text[]
select json_build_array(
(select json_agg(json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version)) from @.orders r where r.order_id = any($1::text[])),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($2::text[]) as scope, unnest($3::text[]) as operation, unnest($4::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)
)::text;

-- snapshot product,receipt
-- $1 product_id text[], $2 scope text[], $3 operation text[], $4 key text[]
select json_build_array(
(select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version)) from @.product r where r.product_id = any($1::text[])),
(select json_agg(json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at))
from (select unnest($2::text[]) as scope, unnest($3::text[]) as operation, unnest($4::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r)
)::text;

-- some products, in the order asked for
-- $1 product_id text[]
select json_agg(json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version) order by k.n)::text
from unnest($1::text[]) with ordinality k(product_id, n)
  cross join lateral (select * from @.product p where p.product_id = k.product_id offset 0) r;

-- suspects account
-- $1 account_id text[]
with k as materialized (
  select * from (select unnest($1::text[]) as account_id) k
), free as materialized (
  select f.* from k cross join lateral (select r.account_id from @.account r where r.account_id = k.account_id for update skip locked) f
)
select json_agg(json_build_array(r.account_id))::text
from k cross join lateral (select * from @.account r where r.account_id = k.account_id offset 0) r
where (r.account_id) not in (select account_id from free);

-- suspects bucket
-- $1 product_id text[], $2 hour bigint[]
with k as materialized (
  select * from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as hour) k
), free as materialized (
  select f.* from k cross join lateral (select r.product_id, r.hour from @.bucket r where r.product_id = k.product_id and r.hour = k.hour for update skip locked) f
)
select json_agg(json_build_array(r.product_id, r.hour))::text
from k cross join lateral (select * from @.bucket r where r.product_id = k.product_id and r.hour = k.hour offset 0) r
where (r.product_id, r.hour) not in (select product_id, hour from free);

-- suspects campaign
-- $1 campaign_id text[]
with k as materialized (
  select * from (select unnest($1::text[]) as campaign_id) k
), free as materialized (
  select f.* from k cross join lateral (select r.campaign_id from @.campaign r where r.campaign_id = k.campaign_id for update skip locked) f
)
select json_agg(json_build_array(r.campaign_id))::text
from k cross join lateral (select * from @.campaign r where r.campaign_id = k.campaign_id offset 0) r
where (r.campaign_id) not in (select campaign_id from free);

-- suspects coupon
-- $1 campaign_id text[], $2 account_id text[]
with k as materialized (
  select * from (select unnest($1::text[]) as campaign_id, unnest($2::text[]) as account_id) k
), free as materialized (
  select f.* from k cross join lateral (select r.campaign_id, r.account_id from @.coupon r where r.campaign_id = k.campaign_id and r.account_id = k.account_id for update skip locked) f
)
select json_agg(json_build_array(r.campaign_id, r.account_id))::text
from k cross join lateral (select * from @.coupon r where r.campaign_id = k.campaign_id and r.account_id = k.account_id offset 0) r
where (r.campaign_id, r.account_id) not in (select campaign_id, account_id from free);

-- suspects order
-- $1 order_id text[]
with k as materialized (
  select * from (select unnest($1::text[]) as order_id) k
), free as materialized (
  select f.* from k cross join lateral (select r.order_id from @.orders r where r.order_id = k.order_id for update skip locked) f
)
select json_agg(json_build_array(r.order_id))::text
from k cross join lateral (select * from @.orders r where r.order_id = k.order_id offset 0) r
where (r.order_id) not in (select order_id from free);

-- suspects position
-- $1 log text[], $2 partition bigint[]
with k as materialized (
  select * from (select unnest($1::text[]) as log, unnest($2::bigint[]) as partition) k
), free as materialized (
  select f.* from k cross join lateral (select r.log, r.partition from @.request_position r where r.log = k.log and r.partition = k.partition for update skip locked) f
)
select json_agg(json_build_array(r.log, r.partition))::text
from k cross join lateral (select * from @.request_position r where r.log = k.log and r.partition = k.partition offset 0) r
where (r.log, r.partition) not in (select log, partition from free);

-- suspects product
-- $1 product_id text[]
with k as materialized (
  select * from (select unnest($1::text[]) as product_id) k
), free as materialized (
  select f.* from k cross join lateral (select r.product_id from @.product r where r.product_id = k.product_id for update skip locked) f
)
select json_agg(json_build_array(r.product_id))::text
from k cross join lateral (select * from @.product r where r.product_id = k.product_id offset 0) r
where (r.product_id) not in (select product_id from free);

-- suspects verdict
-- $1 request_id text[]
with k as materialized (
  select * from (select unnest($1::text[]) as request_id) k
), free as materialized (
  select f.* from k cross join lateral (select r.request_id from @.request_verdict r where r.request_id = k.request_id for update skip locked) f
)
select json_agg(json_build_array(r.request_id))::text
from k cross join lateral (select * from @.request_verdict r where r.request_id = k.request_id offset 0) r
where (r.request_id) not in (select request_id from free);

-- take a lease
-- $1 name text, $2 owner text, $3 lease_millis bigint, $4 is_own_session boolean
with k as materialized (
  select f.tableoid as class, hashtext($1) as object from @.fence f
), h as materialized (
  select k.*, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.pid = pg_backend_pid()
      and l.classid = k.class and l.objid = k.object::oid and l.objsubid = 2
  ) as mine from k
), l as materialized (
  select h.mine, h.class, case
    when h.mine then false
    when $4::boolean then pg_try_advisory_lock(h.class::int4, h.object)
    else pg_try_advisory_xact_lock(h.class::int4, h.object)
  end as free from h
)
update @.subscription s
set owner = $2, until = (extract(epoch from clock_timestamp()) * 1000)::bigint + $3::bigint, fence = nextval(l.class::regclass),
  locked_by = case when $4::boolean and (l.mine or l.free) then $2 end
from l
where s.name = $1
  and (s.owner is null or s.owner = $2 or s.until <= (extract(epoch from clock_timestamp()) * 1000)::bigint or (s.locked_by = s.owner and l.free))
returning s.fence::text;

-- transactions that write events
-- $1 ids text[]
with f as materialized (
  select c.relnamespace from @.fence f join pg_class c on c.oid = f.tableoid
), w as materialized (
  select l.virtualtransaction as id, l.pid
  from pg_locks l
  where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and l.relation = (select c.oid from pg_class c join f on f.relnamespace = c.relnamespace and c.relname = 'outbox')
    and l.pid is distinct from pg_backend_pid()
    and ($1::text[] is null or l.virtualtransaction = any($1::text[]))
)
select json_agg(json_build_array(w.id, w.pid, a.application_name,
  extract(epoch from clock_timestamp() - a.xact_start)::int))::text
from w left join pg_stat_activity a on a.pid = w.pid;

-- uncount bucket
-- $1 product_id text[], $2 hour bigint[], $3 units bigint[], $4 rows int
with x as (
  select * from (select unnest($1::text[]) as product_id, unnest($2::bigint[]) as hour, unnest($3::bigint[]) as units) x order by x.product_id collate "C", x.hour
), u as (
  update @.bucket r set sold = r.sold - x.units from x where r.product_id = x.product_id and r.hour = x.hour returning 1
)
select 1 / ((select count(*) from u) = $4::int)::int;

-- unlock a name
-- $1 name text
with k as materialized (
  select f.tableoid as class, hashtext($1) as object from @.fence f
), h as materialized (
  select k.*, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.pid = pg_backend_pid()
      and l.classid = k.class and l.objid = k.object::oid and l.objsubid = 2
  ) as mine from k
)
select pg_advisory_unlock(h.class::int4, h.object)::text from h
where h.mine and not exists (select from @.subscription s where s.name = $1 and s.locked_by = s.owner);

-- whether a name gets events
-- $1 name text
select json_build_array(json_build_array(is_ready, fence))::text from @.subscription where name = $1;
