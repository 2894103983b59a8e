-- Classes of response times of a service, each from its seconds to those of the next one.
create table config.response_classes (
    launch_id text not null,
    service_id text not null,
    class_id text not null,
    from_seconds double precision not null,
    to_seconds double precision,
    primary key (launch_id, service_id, class_id)
);
comment on column config.response_classes.to_seconds is 'Where the next class begins; null: it has no end.';
grant select on config.response_classes
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
