"""A promise of a wave stands beside the same promise of everybody, in reviews and verdict."""

from __future__ import annotations

from types import ModuleType

from postlaunch.config.launch import LaunchKpi, Segment, Target
from postlaunch.reviews import content, verdict
from postlaunch.reviews.period import parse_period
from postlaunch.warehouse.db import connect


def test_a_wave_is_judged_by_its_own_users_under_its_own_name(published: ModuleType) -> None:
    promised = tuple(
        LaunchKpi(kpi="retention", of={"day": "7", **wave}, targets=(Target(at_least=bound),))
        for wave, bound in (({}, 0.4), ({"wave": "beta"}, 0.45))
    )
    others = tuple(kpi for kpi in published.EMR.kpis if kpi.kpi != "retention")
    launch = published.EMR.model_copy(
        update={"segments": (Segment(id="beta", name="Internal users", to_day=9),), "kpis": (*others, *promised)}
    )
    with connect() as session:
        session.execute(
            """
            insert into marts.verdict_gates
            select (jsonb_populate_record(gate, jsonb_build_object('segment_id', 'beta', 'numerator', numerator / 2, 'value', value / 2))).*
            from marts.verdict_gates as gate
            where launch_id = 'emr-platform' and kpi_id = 'retention' and subject_id = '7'
            """
        )
        reader = content.Basis(launch, parse_period("verdict", "day-30", launch), session, {})
        judged = verdict.judge(reader, reader.metrics())
        found = {gate.name: (gate.actual, gate.numerator, gate.target) for gate in judged if gate.name.startswith("Day-7 ")}
        session.rollback()
    whole, wave = found.pop("Day-7 retention"), found.pop("Day-7 retention, Internal users")
    assert found == {}
    assert wave[1] == whole[1] / 2
    assert wave[0] == whole[0] / 2
