-- A KPI that is a difference may be below zero, and the gate asks no other to be.

alter table config.kpis add column is_net boolean not null default false;
