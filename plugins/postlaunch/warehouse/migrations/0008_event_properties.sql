-- Where a refused line begins in its file; which properties events carry.
alter table quarantine.records add column byte_offset bigint;
comment on column quarantine.records.byte_offset is
    'Where the line begins in the unzipped file: zcat <landing_path> | tail --bytes=+<byte_offset + 1> | head -1; null for loads before this column.';

create table raw.event_property_days (
    launch_id text not null,
    event_date date not null,
    event_name text not null,
    property text not null,
    value_type text not null check (value_type in ('text', 'number', 'boolean', 'object', 'array', 'null')),
    event_count bigint not null,
    primary key (launch_id, event_date, event_name, property, value_type)
);
comment on table raw.event_property_days is
    'How many events of a date carried a property with a value of a JSON type, repeated events counted too; replaced with its date.';
alter table raw.event_property_days owner to postlaunch_loader;

create view raw.event_properties as
with by_type as (
    select
        launch_id,
        event_name,
        property,
        value_type,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        sum(event_count)::bigint as event_count
    from raw.event_property_days
    group by launch_id, event_name, property, value_type
)

select
    launch_id,
    event_name,
    property,
    min(first_seen_date) as first_seen_date,
    max(last_seen_date) as last_seen_date,
    sum(event_count)::bigint as event_count,
    jsonb_object_agg(value_type, event_count) as value_types
from by_type
group by launch_id, event_name, property;
comment on view raw.event_properties is
    'The property catalogue: since when and until when events carry a property, how often, and with values of which JSON types.';
alter view raw.event_properties owner to postlaunch_loader;
grant select on raw.event_property_days, raw.event_properties to postlaunch_transformer;
