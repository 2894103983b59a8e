-- One budget of calls an account of an API, for all tasks together.
create table ops.api_calls (
    call_id bigint generated always as identity primary key,
    budget text not null,
    call_at timestamptz not null,
    is_made boolean not null
);
create index on ops.api_calls (budget, call_at);
comment on table ops.api_calls is 'The calls of the longest window of each budget; what is older is deleted on the way.';
comment on column ops.api_calls.budget is 'The source and the account: its host, for Mixpanel also the project.';
comment on column ops.api_calls.call_at is 'When the call was made; while it waits, when its turn comes.';

create table ops.api_pauses (
    budget text primary key,
    paused_until timestamptz not null
);
comment on table ops.api_pauses is 'Until when an API has asked to be left alone.';

grant select, insert, update, delete on ops.api_calls, ops.api_pauses to postlaunch_loader;
