"""What waits for the gate: built and unpublished dates, held domains, and loads that differ from what readers see."""

from __future__ import annotations

import psycopg

from postlaunch.errors import GateError
from postlaunch.quality.result import Scope

_PENDING = """
with pending as (
    select launch_id, domain, min(first_date) as first_date, max(last_date) as last_date, true as is_built
    from ops.domain_builds
    where publication_id is null
    group by launch_id, domain
),

-- A reload that changes no event but, say, doubles its file makes nothing to build: the gate must see it all the same.
odd_loads as (
    select launch_id, domain, min(partition_date) as first_date, max(partition_date) as last_date, false as is_built
    from ops.partition_audit
    where not is_settled
    group by launch_id, domain
),

held as (
    select launch_id, domain, held_from_date as first_date, coalesce(covered_through, held_from_date) as last_date, false as is_built
    from ops.domain_status
    where held_since is not null
),

candidates as (
    select * from pending
    union all
    select odd_loads.* from odd_loads
    inner join ops.domain_status using (launch_id, domain)
    union all
    select held.* from held
)

select distinct on (launch_id, domain) launch_id, domain, first_date, greatest(first_date, last_date), is_built
from candidates
order by launch_id, domain, is_built desc, first_date
"""


def newest_build(session: psycopg.Connection) -> int | None:
    """The build that the schema build holds now. Raises GateError if it is unfinished or failed: half-made tables prove nothing."""
    row = session.execute("select build_id, status from ops.builds order by build_id desc limit 1").fetchone()
    if row is None:
        return None
    build_id, status = row
    if status == "running":
        raise GateError(f"build {build_id} is not finished: wait for it, or run `postlaunch build` again if it was interrupted")
    if status == "failed":
        raise GateError(f"build {build_id} failed: fix what it names and run `postlaunch build` again")
    return int(build_id)


def pending_scopes(session: psycopg.Connection) -> list[Scope]:
    """One scope a launch and domain, over all builds since its last publication. Launches without marts yet appear once built."""
    return [Scope(*row) for row in session.execute(_PENDING).fetchall()]
