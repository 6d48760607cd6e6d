-- The shop: records, ledgers, receipts, outbox.
--
-- A receipt is the proof that a command was accepted, unique by (scope, operation, key). Those of the three hottest
-- operations stand in the row that the command made, and cost no row of their own: `orders.place` in its order,
-- `points.charge` in its entry, `coupons.issue` in its coupon. All others stand in `receipt`, and the view `receipts` shows
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

-- What was taken out of the tables above, row by row as it was: see `archive`.

create table @.archive (
  one boolean primary key default true check (one),
  before bigint not null check (before % 3600000 = 0)
);

create table @.entry_archive (like @.entry);

create table @.movement_archive (like @.movement);

create table @.orders_archive (like @.orders);

create table @.receipt_archive (like @.receipt);
