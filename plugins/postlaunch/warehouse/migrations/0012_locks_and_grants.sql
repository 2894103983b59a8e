-- What a database that nobody may use unasked needs, locks that only the pipeline can take, publication numbers without gaps.

-- Merges of the loader and incremental models of the transformer make temporary tables; docker/postgres-init.sh lets nobody else.
do $$
begin
    execute format('grant temporary on database %I to postlaunch_loader, postlaunch_transformer', current_database());
end $$;

create table ops.locks (
    name text primary key
);
comment on table ops.locks is
    'One row per thing that one session at a time may do; the row is locked for update while it is done. Advisory locks anybody could take.';
grant select, insert, update on ops.locks to postlaunch_loader, postlaunch_transformer, postlaunch_publisher, postlaunch_reporter;

-- An identity spends a number also in a transaction that is rolled back. Publications are made one at a time, under their lock.
create function ops.next_publication_id() returns bigint
language sql volatile security definer set search_path = pg_catalog
as 'select coalesce(max(publication_id), 0) + 1 from ops.publications';
comment on function ops.next_publication_id() is 'The number after the last publication: a publication that is killed leaves no gap.';
revoke all on function ops.next_publication_id() from public;
grant execute on function ops.next_publication_id() to postlaunch_publisher;
alter table ops.publications alter column publication_id drop identity;
alter table ops.publications alter column publication_id set default ops.next_publication_id();
