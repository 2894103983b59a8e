"""Who a user is, before dbt runs: links between ids that the events of a build's dates tell of, and the user of every linked id.

    raw.mixpanel_events (dates of the build) ──> ops.identity_links ──> ids touched by a link that is new or gone
                                                                             │ their components alone
    ops.build_dates <── dates with events of ids that changed their user <── ops.identities

Mixpanel's rules. Simplified id merge: an event with `$device_id` and `$user_id` links the device to the user, once: a device keeps the
first user it was seen with. Original id merge: `$identify` links an anonymous id to the first identified id, `$create_alias` an alias to
its `distinct_id`, `$merge` makes its `$distinct_ids` one. A user is a connected component of these links; it is known by the id that
belongs to no other (in the simplified system: the user id), the smallest key where several do. A device is `$device:<id>`, also where an
event carries the bare `$device_id` as its `distinct_id`.
https://docs.mixpanel.com/docs/tracking-methods/id-management

A night costs what changed: a link that an earlier date told of already touches nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

Edge = tuple[str, str, bool]  # child, parent, whether the child belongs to the parent

# A device and an alias are children of who they belong to; `$merge` knows no parent. Ids are hashed last, each once.
_NIGHT_LINKS = """
create temporary table night_links on commit drop as
with events as (
    select
        launch_id, event_date, event_name, occurred_at, coalesce(source_order, 0) as source_order, properties,
        case when distinct_id = properties ->> '$device_id' then '$device:' || distinct_id else distinct_id end as own_id
    from raw.mixpanel_events
    where event_name in ('$identify', '$create_alias', '$merge') and (launch_id, event_date) in (
        select launch_id, metric_date from ops.build_dates where build_id = %(build_id)s and source = 'mixpanel'
    )
),

identified as (
    select
        events.*,
        coalesce(nullif(properties ->> '$identified_id', ''), nullif(properties ->> '$user_id', ''), own_id) as identified_id,
        coalesce(nullif(properties ->> '$anon_id', ''), nullif(properties ->> '$anon_distinct_id', '')) as anonymous_id
    from events
    where event_name = '$identify'
),

links as (
    select
        launch_id, event_date, '$device:' || nullif(properties ->> '$device_id', '') as child, properties ->> '$user_id' as parent,
        'first' as kind, occurred_at, coalesce(source_order, 0) as source_order
    from raw.mixpanel_events
    where properties ->> '$user_id' <> '' and (launch_id, event_date) in (
        select launch_id, metric_date from ops.build_dates where build_id = %(build_id)s and source = 'mixpanel'
    )
    union all
    -- the anonymous id may be a device, and is then told without its prefix
    select identified.launch_id, event_date, spelling.child, identified_id, 'first', occurred_at, source_order
    from identified
    cross join lateral (values (anonymous_id), ('$device:' || anonymous_id)) as spelling (child)
    where spelling.child not like '$device:$device:%%'
    union all
    select launch_id, event_date, nullif(properties ->> 'alias', ''), own_id, 'first', occurred_at, source_order
    from events
    where event_name = '$create_alias'
    union all
    -- each of the merged ids with the first
    select launch_id, event_date, others.id, merged_ids ->> 0, 'merge', occurred_at, source_order
    from (
        select
            events.*,
            case jsonb_typeof(properties -> '$distinct_ids') when 'array' then properties -> '$distinct_ids' else '[]' end as merged_ids
        from events
        where event_name = '$merge'
    ) as merges
    cross join lateral jsonb_array_elements_text(merged_ids) as others (id)
),

told as (
    select distinct on (launch_id, event_date, child, parent, kind) *
    from links
    where child <> '' and parent <> '' and child <> parent
    order by launch_id, event_date, child, parent, kind, occurred_at, source_order
),

hashed as materialized (
    select id, config.pseudonym(id) as id_key
    from (select child as id from told union select parent from told) as ids
)

select
    told.launch_id, told.event_date, children.id_key as child_key, parents.id_key as parent_key, told.kind,
    told.occurred_at as linked_at, told.source_order as link_order
from told
inner join hashed as children on told.child = children.id
inner join hashed as parents on told.parent = parents.id
"""

# What a date tells now and did not tell before, or the other way round. A table, so that the planner knows how few these are and looks for
# earlier dates that tell the same by index, and not through the links of all dates.
_DIFFERING = """
create temporary table differing_links on commit drop as
with before as (
    select * from ops.identity_links
    where (launch_id, event_date) in (
        select launch_id, metric_date from ops.build_dates where build_id = %(build_id)s and source = 'mixpanel'
    )
)

select gone.*, true as is_gone from (table before except table night_links) as gone
union all
select found.*, false as is_gone from (table night_links except table before) as found
"""

# Launches all of whose links are found by this build: all their ids are resolved, and none is looked for. One link is looked up by index;
# `not exists` would be a join that may read the links of all dates.
_WHOLE = """
select launch_id
from (
    select launch_id from night_links
    union
    select launch_id from ops.identities where %(full_refresh)s
) as launches
where (
    select known.event_date from ops.identity_links as known
    where known.launch_id = launches.launch_id
    order by known.event_date
    limit 1
) is null
"""

# The ids of the links of other launches, unless an earlier date tells of the link unchanged.
_TOUCHED = """
create temporary table touched_ids on commit drop as
select distinct differing.launch_id, ends.id_key
from differing_links as differing
cross join lateral (values (differing.child_key), (differing.parent_key)) as ends (id_key)
where differing.launch_id <> all(%(whole)s) and not exists (
    select
    from ops.identity_links as known
    where
        known.launch_id = differing.launch_id and known.child_key = differing.child_key
        and known.linked_at < differing.linked_at and known.event_date < differing.event_date
        and known.parent_key = differing.parent_key and known.kind = differing.kind
        and not exists (
            select
            from differing_links as other
            where
                other.launch_id = known.launch_id and other.event_date = known.event_date
                and other.child_key = known.child_key and other.parent_key = known.parent_key and other.kind = known.kind
        )
)
"""

_FORGET_LINKS = """
delete from ops.identity_links as links
using differing_links as gone
where
    gone.is_gone and links.launch_id = gone.launch_id and links.event_date = gone.event_date
    and links.child_key = gone.child_key and links.parent_key = gone.parent_key and links.kind = gone.kind
"""

_KEEP_LINKS = """
insert into ops.identity_links
select launch_id, event_date, child_key, parent_key, kind, linked_at, link_order from differing_links
where not is_gone
"""

# Everybody who was one user with a touched id, and everybody who is one now.
_REACHED = """
create temporary table reached_ids on commit drop as
with recursive reached (launch_id, id_key) as (
    (
        select launch_id, id_key from touched_ids
        union
        select touched_ids.launch_id, members.id_key
        from touched_ids
        left join ops.identities as own on touched_ids.launch_id = own.launch_id and touched_ids.id_key = own.id_key
        cross join lateral (
            select coalesce(own.user_key, touched_ids.id_key) as id_key
            union all
            select identities.id_key
            from ops.identities as identities
            where identities.launch_id = touched_ids.launch_id and identities.user_key = coalesce(own.user_key, touched_ids.id_key)
        ) as members
    )
    union
    select reached.launch_id, neighbours.id_key
    from reached
    cross join lateral (
        select first_parent.parent_key as id_key
        from (
            select links.parent_key
            from ops.identity_links as links
            where links.launch_id = reached.launch_id and links.child_key = reached.id_key and links.kind = 'first'
            order by links.linked_at, links.event_date, links.link_order, links.parent_key
            limit 1
        ) as first_parent
        union all
        select children.child_key
        from ops.identity_links as children
        where
            children.launch_id = reached.launch_id and children.parent_key = reached.id_key
            and (
                children.kind = 'merge'
                or reached.id_key = (
                    select links.parent_key
                    from ops.identity_links as links
                    where links.launch_id = children.launch_id and links.child_key = children.child_key and links.kind = 'first'
                    order by links.linked_at, links.event_date, links.link_order, links.parent_key
                    limit 1
                )
            )
        union all
        select merged.parent_key
        from ops.identity_links as merged
        where merged.launch_id = reached.launch_id and merged.child_key = reached.id_key and merged.kind = 'merge'
    ) as neighbours
)

select launch_id, id_key from reached
"""

_EDGES = """
select distinct on (links.child_key) links.child_key, links.parent_key, true
from ops.identity_links as links
inner join reached_ids on links.launch_id = reached_ids.launch_id and links.child_key = reached_ids.id_key
where links.launch_id = %(launch_id)s and links.kind = 'first'
order by links.child_key, links.linked_at, links.event_date, links.link_order, links.parent_key
"""

_MERGES = """
select distinct links.child_key, links.parent_key, false
from ops.identity_links as links
inner join reached_ids on links.launch_id = reached_ids.launch_id and links.child_key = reached_ids.id_key
where links.launch_id = %(launch_id)s and links.kind = 'merge'
"""

_EVERYBODY = """
insert into reached_ids
select links.launch_id, ends.id_key
from ops.identity_links as links
cross join lateral (values (links.child_key), (links.parent_key)) as ends (id_key)
where links.launch_id = any(%(whole)s)
union
select launch_id, id_key from ops.identities
where launch_id = any(%(whole)s)
"""

_KEEP = """
insert into ops.identities as known (launch_id, id_key, user_key, build_id)
select reached_ids.launch_id, reached_ids.id_key, coalesce(found.user_key, reached_ids.id_key), %(build_id)s
from reached_ids
left join resolved_ids as found on reached_ids.launch_id = found.launch_id and reached_ids.id_key = found.id_key
left join ops.identities as own on reached_ids.launch_id = own.launch_id and reached_ids.id_key = own.id_key
where coalesce(own.user_key, reached_ids.id_key) <> coalesce(found.user_key, reached_ids.id_key)
on conflict (launch_id, id_key) do update set user_key = excluded.user_key, build_id = excluded.build_id
"""

_INHERIT = """
update ops.identities set build_id = %(build_id)s
where build_id in (select build_id from ops.builds where status = 'failed')
"""

# Days under an id are found by the user they were made for: the id itself, unless it was linked; then they have an index of their own.
_DIRTY_DATES = """
insert into ops.build_dates (build_id, launch_id, source, metric_date)
select %(build_id)s::bigint, days.launch_id, 'mixpanel', days.event_date
from ops.identities as identities
inner join build.int_user_event_days as days on identities.launch_id = days.launch_id and identities.id_key = days.id_key
where identities.build_id = %(build_id)s and days.id_key <> days.user_key
union
select %(build_id)s::bigint, days.launch_id, 'mixpanel', days.event_date
from ops.identities as identities
inner join build.int_user_event_days as days on identities.launch_id = days.launch_id and identities.id_key = days.user_key
where identities.build_id = %(build_id)s and days.id_key = days.user_key
on conflict do nothing
"""


def resolve_identities(session: psycopg.Connection, build_id: int, full_refresh: bool) -> None:
    """Bring ops.identities up to the dates of a build, in the caller's transaction, and add the dates of ids that changed their user.

    A build that failed made no marts of what it had resolved: its changes count as those of this build.
    """
    values: dict[str, Any] = {"build_id": build_id, "full_refresh": full_refresh}
    if full_refresh:
        session.execute("delete from ops.identity_links")
    session.execute(_NIGHT_LINKS, values)
    session.execute("analyze night_links")
    values["whole"] = [launch_id for (launch_id,) in session.execute(_WHOLE, values).fetchall()]
    session.execute(_DIFFERING, values)
    _index(session, "differing_links", "child_key")
    session.execute(_TOUCHED, values)
    session.execute(_FORGET_LINKS)
    session.execute(_KEEP_LINKS)
    session.execute(_REACHED)
    if values["whole"]:
        session.execute(_EVERYBODY, values)
    _index(session, "reached_ids", "id_key")
    _resolve(session, values)
    session.execute(_INHERIT, values)
    if _is_built(session):
        session.execute(_DIRTY_DATES, values)


def components(edges: Iterable[Edge]) -> dict[str, str]:
    """Id -> the id that its user is known by, for every id of `edges`: union-find with path halving.

    The representative is the smallest id of the component that belongs to no other; in a ring of ids, the smallest of all.
    """
    parent_of: dict[str, str] = {}
    owned: set[str] = set()

    def root(key: str) -> str:
        parent_of.setdefault(key, key)
        while parent_of[key] != key:
            parent_of[key] = parent_of[parent_of[key]]
            key = parent_of[key]
        return key

    for child, parent, is_owned in edges:
        first, second = root(child), root(parent)
        parent_of[max(first, second)] = min(first, second)
        if is_owned:
            owned.add(child)
    known_by: dict[str, tuple[bool, str]] = {}
    for key in parent_of:
        top = root(key)
        known_by[top] = min(known_by.get(top, (True, key)), (key in owned, key))
    return {key: known_by[root(key)][1] for key in parent_of}


def _resolve(session: psycopg.Connection, values: dict[str, Any]) -> None:
    """The components of reached_ids, a launch at a time."""
    session.execute("create temporary table resolved_ids (launch_id text, id_key text, user_key text) on commit drop")
    launches = session.execute("select distinct launch_id from reached_ids").fetchall()
    for (launch_id,) in launches:
        chosen = {"launch_id": launch_id}
        edges: list[Edge] = [*session.execute(_EDGES, chosen).fetchall(), *session.execute(_MERGES, chosen).fetchall()]
        with session.cursor().copy("copy resolved_ids from stdin") as copy:
            for id_key, user_key in components(edges).items():
                copy.write_row((launch_id, id_key, user_key))
    _index(session, "resolved_ids", "id_key")
    session.execute(_KEEP, values)


def _index(session: psycopg.Connection, table: str, column: str) -> None:
    """Of a launch that came with this build the planner knows nothing and expects one link: it loops, and each turn has to be a look-up."""
    session.execute(sql.SQL("create index on {} (launch_id, {})").format(sql.Identifier(table), sql.Identifier(column)))
    session.execute(sql.SQL("analyze {}").format(sql.Identifier(table)))


def _is_built(session: psycopg.Connection) -> bool:
    """Whether a build before left the table that knows the dates of an id."""
    row = session.execute("select to_regclass('build.int_user_event_days') is not null").fetchone()
    return bool(row and row[0])
