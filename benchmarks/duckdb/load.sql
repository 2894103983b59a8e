-- The tables that PostgreSQL has, from its CSV. What it keeps as jsonb is VARIANT here: parsed once, a column for each property. As JSON the
-- properties of all events would be parsed again by the transformation.
create table mixpanel_events as
select
    launch_id, event_name, distinct_id, event_date::date as event_date, occurred_at::timestamptz as occurred_at,
    source_order::bigint as source_order, properties::json::variant as properties
from read_csv('mixpanel_events.csv', all_varchar = true);

create table zendesk_tickets as
select launch_id, id, occurred_at::timestamptz as occurred_at, record::json::variant as record from read_csv('zendesk_tickets.csv', all_varchar = true);

create table zendesk_ticket_metric_events as
select launch_id, id::bigint as id, occurred_at::timestamptz as occurred_at, record::json::variant as record
from read_csv('zendesk_ticket_metric_events.csv', all_varchar = true);

create table zendesk_ticket_events as
select launch_id, id::bigint as id, occurred_at::timestamptz as occurred_at, record::json::variant as record
from read_csv('zendesk_ticket_events.csv', all_varchar = true);

create table partition_loads as
select
    launch_id, source, partition_date::date as partition_date, window_start_at::timestamptz as window_start_at,
    window_end_at::timestamptz as window_end_at
from read_csv('partition_loads.csv', all_varchar = true);

create table launches as
select launch_id, launch_date::date as launch_date, timezone from read_csv('launches.csv', all_varchar = true);

create table active_events as
select launch_id, event_name from read_csv('active_events.csv', all_varchar = true);

create table funnel_steps as
select launch_id, funnel_id, funnel_name, step_number::bigint as step_number, event_name, window_seconds::bigint as window_seconds
from read_csv('funnel_steps.csv', all_varchar = true);

create table sla_targets as
select launch_id, priority, metric, target_seconds::double as target_seconds from read_csv('sla_targets.csv', all_varchar = true);
