-- Which source fills which domain, and whose dates are loaded one by one: as the release says, written anew before every build.
create table config.sources (
    source text primary key,
    is_dated boolean not null
);
comment on table config.sources is 'The sources of this release. is_dated: each date is loaded as a whole; the others come by windows.';
insert into config.sources (source, is_dated)
values ('mixpanel', true), ('zendesk', false), ('pagerduty', false), ('prometheus', true);

create table config.domain_sources (
    domain text primary key,
    source text not null references config.sources
);
comment on table config.domain_sources is 'The source that fills each domain of marts.';
insert into config.domain_sources (domain, source)
values
('product', 'mixpanel'),
('support', 'zendesk'),
('incidents', 'pagerduty'),
('reliability', 'prometheus'),
('capacity', 'prometheus');

grant select on config.sources, config.domain_sources
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;

create or replace view ops.domain_sources as
select
    domain,
    source
from config.domain_sources;
