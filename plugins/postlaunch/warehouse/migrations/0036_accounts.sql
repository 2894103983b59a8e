-- Retention by month or quarter: an outcome of those who reached it in the one before.
alter table config.outcome_measures add column is_of_previous boolean not null default false;
comment on column config.outcome_measures.is_of_previous is
    'Of those who had as many in the month or quarter before; false: of those with any in it.';
