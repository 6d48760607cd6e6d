-- Lists of orders that pass over none: an order gets its id before its commit, and may be committed behind one that got its
-- id later. So each stands in its lists at a position that tells where it was committed.
--
-- Orders from before, and those of older code that works on beside newer code, stand at 0, by their ids and in front of all
-- others. On a large table the indexes take a while to make, and sales wait for that: a second for a million orders or so.

-- Every sale waits behind whoever waits to change these tables. Where this fails with `lock_not_available`, run it again.
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
