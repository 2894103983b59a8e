-- Tables that were made whole each night and go on night by night now, with indexes: the next build makes them anew.
drop table if exists build.measures_daily, build.measure_buckets_daily, build.kpi_daily, build.int_kpi_quantiles, build.int_kpi_periods,
    build.int_kpi_changes, build.int_kpi_targets, build.scorecard, build.retention_cohorts cascade;
