-- What tickets are about: a category is any of its tags.
create table config.ticket_categories (
    launch_id text not null,
    category_id text not null,
    category_name text not null,
    kind text,
    severity text,
    primary key (launch_id, category_id)
);
comment on table config.ticket_categories is 'Categories of tickets of each launch, as its file says now.';

create table config.ticket_category_tags (
    launch_id text not null,
    category_id text not null,
    tag text not null,
    primary key (launch_id, category_id, tag)
);
comment on table config.ticket_category_tags is 'The tags of each category in small letters: a ticket with any of them is of the category.';

grant select on config.ticket_categories, config.ticket_category_tags
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
