-- When an account is red or yellow, and what each colour asks for.
create table config.health_rules (
    launch_id text not null,
    colour text not null,
    outreach text,
    rule_name text,
    inactive_days integer,
    usage_below double precision,
    tickets_count integer,
    organization_tag text,
    primary key (launch_id, colour)
);
comment on table config.health_rules is 'One row a colour of the accounts of a launch: red, yellow (if the launch file says when) and green.';

grant select on config.health_rules
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
