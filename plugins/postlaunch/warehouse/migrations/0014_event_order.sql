-- Events without a user, and the order that the source gave them.
alter table raw.mixpanel_events alter column distinct_id drop not null;
alter table raw.mixpanel_events add column source_order bigint;
comment on column raw.mixpanel_events.distinct_id is
    'Who did it; null where the event names nobody (missing, null or empty): it counts in volumes, never as a user.';
comment on column raw.mixpanel_events.source_order is
    'Position of the line in its pull of this date, from 1: what orders events of one moment. Unique in a launch and date; with gaps where lines were refused or repeated; null for events loaded before this column.';
