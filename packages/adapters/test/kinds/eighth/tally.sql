-- How many units of a product an account has taken.
create table @.tally (
  account_id text collate "C",
  product_id text collate "C",
  units bigint not null,
  note text not null,
  version bigint not null,
  primary key (account_id, product_id),
  constraint tally_sound check (units between 0 and 9007199254740991)
) with (fillfactor = 80);
