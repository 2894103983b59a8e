-- Tables of the build that nights go on with have other columns and indexes now: the next build makes them from the beginning.
drop table if exists
    build.int_user_event_days, build.int_user_days, build.int_funnel_events, build.int_funnel_attempts, build.int_funnel_entries,
    build.int_activation_phases cascade;
