-- Tables of the streams beside the first eight: who wrote, who is on duty, which policy held, what was learned.
do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'mixpanel_profiles',
        'zendesk_ticket_events', 'zendesk_users', 'zendesk_organizations', 'zendesk_sla_policies', 'zendesk_schedules', 'zendesk_holidays',
        'pagerduty_priorities', 'pagerduty_escalation_policies', 'pagerduty_schedules', 'pagerduty_oncalls', 'pagerduty_notes'
    ] loop
        execute format(
            'create table raw.%I (
                launch_id text not null,
                id text not null,
                occurred_at timestamptz,
                version_at timestamptz not null,
                record jsonb not null,
                load_id bigint not null,
                primary key (launch_id, id)
            )', table_name);
        execute format('create index on raw.%I (load_id)', table_name);
        execute format('alter table raw.%I owner to postlaunch_loader', table_name);
        execute format('grant select on raw.%I to postlaunch_transformer', table_name);
    end loop;
end $$;
