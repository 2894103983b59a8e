-- Targets may be strict: on the line they are missed.
alter table config.kpi_targets drop constraint kpi_targets_comparator_check;
alter table config.kpi_targets add constraint kpi_targets_comparator_check check (comparator in ('>=', '<=', '>', '<'));
