-- What support promises and when its desk is open, with their history: a clock is judged by what held then.
alter table config.sla_targets
    drop constraint sla_targets_pkey,
    drop constraint sla_targets_metric_check,
    add constraint sla_targets_metric_check check (
        metric in ('first_reply', 'next_reply', 'requester_wait', 'agent_work', 'pausable_update', 'periodic_update', 'resolution')
    ),
    add column valid_from timestamptz not null default '-infinity',
    add column valid_to timestamptz;
alter table config.sla_targets alter column valid_from drop default;
create unique index on config.sla_targets (launch_id, priority, metric) where valid_to is null;
comment on table config.sla_targets is 'SLA minutes as seconds of support hours; the row in force at a moment has valid_from <= moment < coalesce(valid_to, infinity).';

alter table config.support_hours
    drop constraint support_hours_pkey,
    add column valid_from timestamptz not null default '-infinity',
    add column valid_to timestamptz;
alter table config.support_hours alter column valid_from drop default;
create unique index on config.support_hours (launch_id, opens_at) where valid_to is null;
comment on table config.support_hours is
    'Opening hours as absolute intervals, one row an opening, laid out by Python in the launch zone (DST, holidays, phases of the launch). The desk was open in '
    'the part of an opening that lies between valid_from and valid_to. A desk that never closes has one opening from 1970 to 2200.';

-- Launches whose files name no hours never had rows.
insert into config.support_hours (launch_id, support_date, opens_at, closes_at, valid_from)
select launch_id, '1970-01-01', '1970-01-01 00:00+00', '2200-01-01 00:00+00', '-infinity'
from config.launches
where jsonb_typeof(spec -> 'zendesk') = 'object'
    and not exists (select from config.support_hours as hours where hours.launch_id = launches.launch_id);

-- A build makes the clocks of the tickets that changed: it asks for the events of those, whatever load brought them.
create index on raw.zendesk_ticket_metric_events (launch_id, (record #>> '{ticket_id}'));
create index on raw.zendesk_ticket_events (launch_id, (record #>> '{ticket_id}'));
