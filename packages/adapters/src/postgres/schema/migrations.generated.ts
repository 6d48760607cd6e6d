/**
 * Made from `migrations/*.sql` by `scripts/embed-migrations.ts`. Edit those files, and run it again.
 */
export interface Migration {
  readonly version: number
  readonly name: string
  /** The oldest code that still works with the schema after this migration. */
  readonly minimumCodeVersion: number
  readonly sql: string
}

export const migrations: ReadonlyArray<Migration> = [
  {
    version: 1,
    name: "shop",
    minimumCodeVersion: 1,
    sql: `-- The shop: records, ledgers, receipts, outbox.
--
-- A receipt is the proof that a command was accepted, unique by (scope, operation, key). Those of the three hottest
-- operations stand in the row that the command made, and cost no row of their own: \`orders.place\` in its order,
-- \`points.charge\` in its entry, \`coupons.issue\` in its coupon. All others stand in \`receipt\`, and the view \`receipts\` shows
-- all of them. What archives such a row archives its receipt with it: both are kept as long.
--
-- Every constraint repeats an invariant of the core, so that no bug of ours can be committed. A table has one check for all
-- of them: a statement prepares each check it meets anew, and six cost a tenth of a claim. No foreign key points to a hot
-- row: it would lock it. Ids are compared by bytes everywhere, as the core sorts them. Records that move leave room in
-- their pages (fillfactor), and no column that moves is indexed, so that an update touches no index.

create table @.account (
  account_id text collate "C" primary key,
  balance bigint not null,
  seq bigint not null,
  state text not null,
  balance_limit bigint not null,
  opened_at bigint not null,
  version bigint not null,
  constraint account_sound check (
    balance between 0 and 9007199254740991 and
    seq >= 0 and
    state in ('open', 'suspended', 'closed') and
    balance_limit between 0 and 9007199254740991 and
    version >= 1
  )
) with (fillfactor = 70);

create table @.entry (
  account_id text collate "C" not null,
  seq bigint not null,
  type text not null,
  change bigint not null,
  balance bigint not null,
  order_id text collate "C",
  reason text,
  command_id text collate "C" not null,
  at bigint not null,
  scope text collate "C",
  key text collate "C",
  fingerprint text,
  primary key (account_id, seq),
  constraint entry_sound check (
    seq >= 1 and
    type in ('charge', 'spend', 'refund', 'adjust') and
    change <> 0 and
    (type <> 'spend' or change < 0) and
    (type not in ('charge', 'refund') or change > 0) and
    balance between 0 and 9007199254740991 and
    (order_id is not null) = (type in ('spend', 'refund')) and
    num_nulls(scope, key, fingerprint) in (0, 3) and
    (key is null or type = 'charge')
  )
);

create unique index entry_by_key on @.entry (scope, key) where key is not null;

create table @.campaign (
  campaign_id text collate "C" primary key,
  issued bigint not null,
  name text not null,
  discount json not null,
  issue_limit bigint not null,
  opens_at bigint,
  closes_at bigint,
  valid_days bigint not null,
  state text not null,
  created_limit bigint not null,
  created_state text not null,
  version bigint not null,
  constraint campaign_sound check (
    issued >= 0 and
    issue_limit >= 1 and
    valid_days >= 1 and
    state in ('open', 'paused', 'closed') and
    created_state in ('open', 'paused') and
    version >= 1 and
    issued <= issue_limit and
    opens_at < closes_at
  )
) with (fillfactor = 50);

create table @.coupon (
  campaign_id text collate "C" not null,
  account_id text collate "C" not null,
  ticket bigint not null,
  discount json not null,
  issued_at bigint not null,
  expires_at bigint not null,
  state text not null,
  order_id text collate "C",
  changed_at bigint not null,
  command_id text collate "C" not null,
  version bigint not null,
  scope text collate "C",
  key text collate "C",
  fingerprint text,
  primary key (campaign_id, account_id),
  constraint coupon_sound check (
    ticket >= 1 and
    expires_at > issued_at and
    state in ('issued', 'redeemed', 'revoked') and
    version >= 1 and
    num_nulls(scope, key, fingerprint) in (0, 3) and
    (state = 'revoked' or (state = 'redeemed') = (order_id is not null))
  )
) with (fillfactor = 80);

create unique index coupon_by_ticket on @.coupon (campaign_id, ticket);

create unique index coupon_by_key on @.coupon (scope, key) where key is not null;

create index coupon_by_account on @.coupon (account_id, campaign_id);

create table @.orders (
  order_id text collate "C" primary key,
  account_id text collate "C" not null,
  lines json not null,
  total bigint not null,
  discount bigint not null,
  paid bigint not null,
  campaign_id text collate "C",
  reference text collate "C",
  metadata json,
  state text not null,
  placed_at bigint not null,
  closed_at bigint,
  closed_by text collate "C",
  restocked boolean,
  version bigint not null,
  scope text collate "C",
  key text collate "C",
  fingerprint text,
  constraint orders_sound check (
    total between 0 and 9007199254740991 and
    discount >= 0 and
    paid >= 0 and
    state in ('placed', 'completed', 'cancelled') and
    version >= 1 and
    num_nulls(scope, key, fingerprint) in (0, 3) and
    total = discount + paid and
    (discount = 0 or campaign_id is not null) and
    (state <> 'placed') = (closed_at is not null and closed_by is not null and restocked is not null)
  )
) with (fillfactor = 90);

create unique index orders_by_key on @.orders (scope, key) where key is not null;

create index orders_by_account on @.orders (account_id, order_id);

create index orders_by_reference on @.orders (reference, order_id) where reference is not null;

create table @.product (
  product_id text collate "C" primary key,
  on_hand bigint not null,
  revision bigint not null,
  name text not null,
  price bigint not null,
  retired boolean not null,
  registered_name text not null,
  registered_price bigint not null,
  registered_on_hand bigint not null,
  version bigint not null,
  constraint product_sound check (
    on_hand between 0 and 9007199254740991 and
    revision >= 0 and
    price between 0 and 1000000000000 and
    version >= 1
  )
) with (fillfactor = 50);

create table @.movement (
  product_id text collate "C" not null,
  revision bigint not null,
  type text not null,
  change bigint not null,
  on_hand bigint not null,
  order_id text collate "C",
  reason text,
  command_id text collate "C" not null,
  at bigint not null,
  primary key (product_id, revision),
  constraint movement_sound check (
    revision >= 1 and
    type in ('register', 'restock', 'adjust', 'sale', 'return') and
    change <> 0 and
    (type <> 'sale' or change < 0) and
    (type in ('sale', 'adjust') or change > 0) and
    on_hand between 0 and 9007199254740991 and
    (order_id is not null) = (type in ('sale', 'return'))
  )
);

create table @.bucket (
  product_id text collate "C" not null,
  hour bigint not null,
  sold bigint not null check (sold between 0 and 9007199254740991),
  primary key (product_id, hour)
) with (fillfactor = 50);

-- With the product, although the hour alone would do for the popular ones: while the table is small the planner takes either
-- index to find one bucket, and keeps to it. One by the hour alone then reads all that was sold in that hour.
create index bucket_by_hour on @.bucket (hour, product_id);

create table @.receipt (
  scope text collate "C" not null,
  operation text collate "C" not null,
  key text collate "C" not null,
  command_id text collate "C" not null,
  fingerprint text not null,
  answer json not null,
  at bigint not null,
  primary key (scope, operation, key)
);

create view @.receipts as
select scope, operation, key, command_id, fingerprint, answer, at from @.receipt
union all
select scope, 'orders.place'::text collate "C", key, order_id, fingerprint, json_build_object('orderId', order_id), placed_at
from @.orders where key is not null
union all
select scope, 'points.charge'::text collate "C", key, command_id, fingerprint,
  json_build_object('accountId', account_id, 'amount', change, 'balance', balance, 'seq', seq), at
from @.entry where key is not null
union all
select scope, 'coupons.issue'::text collate "C", key, command_id, fingerprint,
  json_build_object('campaignId', campaign_id, 'accountId', account_id, 'ticket', ticket, 'discount', discount,
    'issuedAt', issued_at, 'expiresAt', expires_at), issued_at
from @.coupon where key is not null;

create table @.subscription (
  name text collate "C" primary key,
  owner text,
  until bigint
) with (fillfactor = 50);

create table @.outbox (
  id bigint generated always as identity primary key,
  events json not null,
  size int not null check (size >= 1)
);

create table @.delivery (
  name text collate "C" not null,
  outbox_id bigint not null,
  settled int[] not null default '{}',
  primary key (name, outbox_id)
) with (fillfactor = 70);

create index delivery_by_row on @.delivery (outbox_id);

create table @.parked (
  name text collate "C" not null,
  outbox_id bigint not null,
  index int not null,
  event json not null,
  reason text not null,
  parked_at bigint not null,
  primary key (name, outbox_id, index)
);

-- What was taken out of the tables above, row by row as it was: see \`archive\`.

create table @.archive (
  one boolean primary key default true check (one),
  before bigint not null check (before % 3600000 = 0)
);

create table @.entry_archive (like @.entry);

create table @.movement_archive (like @.movement);

create table @.orders_archive (like @.orders);

create table @.receipt_archive (like @.receipt);
`,
  },
  {
    version: 2,
    name: "delivery",
    minimumCodeVersion: 1,
    sql: `-- Delivery: leases that the store judges, names that are registered without a lock on any table, and rows of the outbox
-- that say how much they hold.
--
-- Older code works on beside newer code. It sees the same owners and times, and changes the owner with every lease it
-- takes; a lease counts as held by a session only where \`locked_by\` is the owner still.

-- Every sale waits behind whoever waits to change these tables. Where this fails with \`lock_not_available\`, run it again.
set local lock_timeout = '100ms';

-- One count for all names: it grows also where a name is forgotten and registered again.
create sequence @.fence;

alter table @.subscription
  -- Of the newest lease.
  add column fence bigint not null default 0,
  -- The owner, where its session holds the advisory lock of the name: whoever gets that lock knows that the session ended.
  add column locked_by text,
  -- False until every transaction has ended that may have left the name out. Older code keeps those away by a lock.
  add column is_ready boolean not null default true;

alter table @.outbox
  -- Of the events as JSON. Older code does not say.
  add column bytes int;
`,
  },
  {
    version: 3,
    name: "order_lists",
    minimumCodeVersion: 1,
    sql: `-- Lists of orders that pass over none: an order gets its id before its commit, and may be committed behind one that got its
-- id later. So each stands in its lists at a position that tells where it was committed.
--
-- Orders from before, and those of older code that works on beside newer code, stand at 0, by their ids and in front of all
-- others. On a large table the indexes take a while to make, and sales wait for that: a second for a million orders or so.

-- Every sale waits behind whoever waits to change these tables. Where this fails with \`lock_not_available\`, run it again.
set local lock_timeout = '100ms';

-- How many orders the account has placed. The row is locked until their commit, so they are counted in the order of it.
alter table @.account add column orders bigint not null default 0;

alter table @.orders
  -- Which one of its account it is.
  add column number bigint not null default 0,
  -- By the transaction that placed it: what is behind the oldest one that is still open may not be all there is.
  add column placed_in bigint not null default 0;

-- The positions of a database that was restored go on behind those that were restored, although its transactions begin anew.
create table @.era (
  one boolean primary key default true check (one),
  -- What is added to the number of a transaction.
  base bigint not null check (base >= 0),
  -- The cluster whose transactions are counted. Empty until a shop has started.
  cluster text not null
);

insert into @.era (base, cluster) values (0, '');

create index orders_by_number on @.orders (account_id, number, order_id);

create index orders_by_transaction on @.orders (reference, placed_in, order_id) where reference is not null;

drop index @.orders_by_account;

drop index @.orders_by_reference;

-- As the tables are whose rows they take.
alter table @.orders_archive
  add column number bigint not null default 0,
  add column placed_in bigint not null default 0;
`,
  },
  {
    version: 4,
    name: "requests",
    minimumCodeVersion: 1,
    sql: `-- Coupon requests: claims that are accepted now and decided later, in the order of their log.

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
`,
  },
  {
    version: 5,
    name: "terms",
    minimumCodeVersion: 5,
    sql: `-- minimum code version: 5
--
-- The history of terms: each change of what an account, a campaign or a product says leaves one row, with how far its owner
-- had counted by then. An audit compares with it what was charged, issued and sold.
--
-- Code from before changes terms and leaves no row. So it refuses to start on this schema; end its processes first.

-- Every sale waits behind whoever waits to lock these tables. Where this fails with \`lock_not_available\`, run it again.
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
`,
  },
]
