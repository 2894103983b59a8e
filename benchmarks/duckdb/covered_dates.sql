-- One row a launch, source and date that is loaded, with the moment at which it ends: a partition is a date, a window of tickets the whole
-- dates in it.
select distinct
    loads.launch_id,
    loads.source,
    day::date as metric_date,
    (day::date - launches.launch_date)::bigint as launch_day,
    timezone(launches.timezone, day + interval 1 day) as day_end_at
from partition_loads as loads
inner join launches using (launch_id),
unnest(
    generate_series(
        coalesce(partition_date::timestamp, timezone(launches.timezone, window_start_at)),
        coalesce(partition_date::timestamp, timezone(launches.timezone, window_end_at) - interval 1 day),
        interval 1 day
    )
) as dates (day)
