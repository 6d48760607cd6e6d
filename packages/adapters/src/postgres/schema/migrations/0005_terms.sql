-- minimum code version: 5
--
-- The history of terms: each change of what an account, a campaign or a product says leaves one row, with how far its owner
-- had counted by then. An audit compares with it what was charged, issued and sold.
--
-- Code from before changes terms and leaves no row. So it refuses to start on this schema; end its processes first.

-- Every sale waits behind whoever waits to lock these tables. Where this fails with `lock_not_available`, run it again.
set local lock_timeout = '100ms';

-- What is decided already is committed before this is given, and nothing more until the end. Sales wait that long: where any
-- terms were changed before, for as long as it takes to look at each order once.
lock table @.account, @.campaign, @.orders, @.product in share mode;

create table @.terms (
  id text collate "C" not null,
  owner text collate "C" not null,
  version bigint not null,
  counter bigint not null,
  before json,
  after json not null,
  command_id text collate "C",
  at bigint not null,
  primary key (id, owner, version),
  constraint terms_sound check (
    owner in ('account', 'campaign', 'product') and
    version >= 2 and
    counter >= 0 and
    (before is null) = (command_id is null)
  )
);

-- Owners whose terms were changed before begin here. Nothing that was sold before is later than these rows.
insert into @.terms (id, owner, version, counter, before, after, command_id, at)
select known.*, null, greatest(
  (extract(epoch from clock_timestamp()) * 1000)::bigint,
  (select max(placed_at) from @.orders)
)
from (
  select account_id, 'account', version, seq, null::json, json_build_object('state', state) from @.account
  where version > 1
  union all
  select campaign_id, 'campaign', version, issued, null::json, json_build_object('limit', issue_limit, 'state', state)
  from @.campaign where version > 1
  union all
  select product_id, 'product', version, revision, null::json,
    json_build_object('name', name, 'price', price, 'retired', retired)
  from @.product where version > 1
) known;
