-- Of the days under an id, only those that were made for another user are looked up by the id: an index of them is small, and a night does not
-- write to the whole of it. A table that the build has not made yet comes with it.
do $$
declare
    old_index text;
begin
    if to_regclass('build.int_user_event_days') is null then
        return;
    end if;
    for old_index in
        select format('%I.%I', schemaname, indexname) from pg_indexes
        where schemaname = 'build' and tablename = 'int_user_event_days' and indexdef like '%(launch_id, id_key)'
    loop
        execute 'drop index ' || old_index;
    end loop;
    create index on build.int_user_event_days (launch_id, id_key) where id_key <> user_key;
end
$$;
