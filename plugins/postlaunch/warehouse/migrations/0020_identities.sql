-- Who a user is: the links between ids that events tell of, and the user that each linked id belongs to. Keyed pseudonyms only.
create table ops.identity_links (
    launch_id text not null,
    event_date date not null,
    child_key text not null,
    parent_key text not null,
    kind text not null check (kind in ('first', 'merge')),
    linked_at timestamptz not null,
    link_order bigint not null,
    primary key (launch_id, event_date, child_key, parent_key, kind)
);
create index on ops.identity_links (launch_id, child_key, linked_at);
create index on ops.identity_links (launch_id, parent_key);
comment on table ops.identity_links is
    'Links between ids, one row a date on which an event tells of it. first: a device, anonymous id or alias belongs to the first parent it is seen with, ever; merge: both are one.';
comment on column ops.identity_links.link_order is 'Place in its date of the first event that tells of the link: orders links of one moment.';

create table ops.identities (
    launch_id text not null,
    id_key text not null,
    user_key text not null,
    build_id bigint not null references ops.builds,
    primary key (launch_id, id_key)
);
create index on ops.identities (launch_id, user_key);
create index on ops.identities (build_id);
comment on table ops.identities is 'The user of every id that is linked to another; an id without a row is a user of its own.';
comment on column ops.identities.build_id is 'The build that gave the id this user, and made the dates of its events dirty.';

grant select, insert, update, delete on ops.identity_links, ops.identities to postlaunch_transformer;
grant select on ops.identity_links, ops.identities to postlaunch_loader, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
