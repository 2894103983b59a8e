-- Tables that nights add to and that have new columns, or measure otherwise: the next build makes them anew.
drop table if exists build.int_capacity_segments, build.int_capacity_trends, build.int_funnel_days, build.int_funnel_entries,
    build.int_outcome_days cascade;
