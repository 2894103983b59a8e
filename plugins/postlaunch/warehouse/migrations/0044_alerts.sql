-- Alerts of launch files, and how the value of each is read at a step from what Prometheus was asked for.
alter table config.prometheus_metrics drop constraint prometheus_metrics_kind_check;
alter table config.prometheus_metrics add constraint prometheus_metrics_kind_check
check (kind in ('up', 'requests', 'latency_buckets', 'resource', 'dependency', 'alert', 'leak', 'gauge', 'counter', 'histogram'));

create table config.alerts (
    launch_id text not null,
    alert_id text not null,
    message text not null,
    severity text not null,
    page text not null,
    comparator text not null check (comparator in ('>', '<')),
    bound double precision not null,
    for_seconds double precision not null,
    page_within_seconds double precision not null,
    reading text not null check (reading in ('max', 'min', 'mean', 'ratio', 'quantile')),
    quantile double precision,
    primary key (launch_id, alert_id)
);
comment on table config.alerts is 'It fires while its value has been beyond the bound for so many seconds.';
comment on column config.alerts.reading is 'How the series of a step become one value: gauges by max, min, mean, counters by ratio, buckets by quantile.';

create table config.alert_metrics (
    launch_id text not null,
    alert_id text not null,
    metric_id text not null,
    part text not null check (part in ('value', 'numerator', 'denominator', 'requests', 'buckets')),
    primary key (launch_id, alert_id, metric_id)
);
comment on column config.alert_metrics.part is 'requests: errors by all of them, as the series tell how requests ended.';

create table config.leaks (
    launch_id text not null,
    alert_id text not null,
    message text not null,
    severity text not null,
    page text not null,
    subject_id text not null,
    primary key (launch_id, alert_id)
);
comment on table config.leaks is 'Alerts on what grows without levelling off; subject_id is that of config.prometheus_metrics.';

grant select on config.alerts, config.alert_metrics, config.leaks
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;

-- Tables that nights add to and that have new columns: the next build makes them anew.
drop table if exists build.int_counter_days, build.int_uptime_daily cascade;
