-- Entries know when the window of the one before closes: the next build makes them anew, from attempts that stay, and what is counted of them,
-- since where all entries are made nobody is said to have changed.
drop view if exists build.int_activation_attempts cascade;
drop table if exists build.int_funnel_entries, build.int_changed_funnel_users, build.int_funnel_days, build.int_funnel_phase_days,
    build.int_activation_days, build.int_activation_uniques cascade;
