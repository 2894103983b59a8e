-- A publication compares the rows of build that are newer than the one before: those of transactions it did not see whole.
alter table ops.domain_status add column seen_before_xid xid8;
comment on column ops.domain_status.seen_before_xid is
'Every transaction before this one had ended when the domain was published: what it wrote into build is in marts. Null: nothing is known.';
