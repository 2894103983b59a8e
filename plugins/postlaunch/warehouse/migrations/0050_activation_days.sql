-- Entries know when the window of the one before closes: the next build makes them anew, from attempts that stay.
drop view if exists build.int_activation_attempts cascade;
drop table if exists build.int_funnel_entries, build.int_changed_funnel_users, build.int_activation_uniques cascade;
