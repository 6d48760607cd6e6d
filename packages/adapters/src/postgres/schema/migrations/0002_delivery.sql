-- Delivery: leases that the store judges, names that are registered without a lock on any table, and rows of the outbox
-- that say how much they hold.
--
-- Older code works on beside newer code. It sees the same owners and times, and changes the owner with every lease it
-- takes; a lease counts as held by a session only where `locked_by` is the owner still.

-- Every sale waits behind whoever waits to change these tables. Where this fails with `lock_not_available`, run it again.
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
