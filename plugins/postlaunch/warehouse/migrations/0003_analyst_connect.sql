-- Analysts may enter the database, also where the public may not.
do $$
begin
    execute format('grant connect on database %I to postlaunch_analyst', current_database());
end $$;
