-- What was planned for the months of a launch, beside which the scorecard puts what came.
create table config.plans (
    launch_id text not null,
    month_number integer not null,
    kpi_id text not null,
    planned_value double precision not null,
    is_per_day boolean not null,
    primary key (launch_id, month_number, kpi_id)
);
comment on table config.plans is 'What was planned for a month of the launch: month 1 is of the launch days 0 to 29, month 2 of the days 30 to 59.';
comment on column config.plans.is_per_day is 'The value is of a day of the month, on the mean.';

grant select on config.plans
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
