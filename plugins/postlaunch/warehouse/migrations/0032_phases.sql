-- Phases are periods of the scorecard: uniques are kept by the end of their period too, and the marts that counted phases are gone.
drop table if exists build.int_activation_uniques, build.int_activation_phases, build.activation_phases cascade;
