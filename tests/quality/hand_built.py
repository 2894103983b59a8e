"""Build tables and loads written by hand, so that gate and publication are tested without dbt and without a source.

`Warehouse` stands on the `warehouse` fixture: a real PostgreSQL that is migrated and empty.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.config.settings import REPOSITORY
from postlaunch.kpis.catalogue import Domain
from postlaunch.warehouse.db import connect

LAUNCH = "emr-platform"
LAUNCH_DATE = dt.date(2026, 1, 12)
FIRST, LAST = dt.date(2026, 1, 3), dt.date(2026, 3, 29)

# Every mart of the contract with figures that obey its invariants. `days` has launch_id, metric_date, launch_day.
MARTS: dict[str, str] = {
    "launches": """
        select launch_id, name, launch_date, timezone, business_cycle_days, minimum_sample_count from config.launches
    """,
    "kpis": """
        select launch_id, kpis.*, null::text as buckets, null::double precision as quantile, false as is_declared, false as is_net
        from config.launches cross join (values
            ('daily_active_users', 'product', 'Daily active users', 'count', 'higher', 'mean'),
            ('tickets_opened', 'support', 'Tickets opened', 'count', 'lower', 'sum'),
            ('incidents', 'incidents', 'Incidents', 'count', 'lower', 'sum'),
            ('uptime', 'reliability', 'Uptime', 'ratio', 'higher', 'ratio'),
            ('days_to_trigger', 'capacity', 'Days to trigger', 'days', 'higher', 'last')
        ) as kpis (kpi_id, domain, name, unit, better, period_rule)
    """,
    "active_users_daily": """
        select launch_id, metric_date, launch_day, 40::bigint as active_users_count,
            90::bigint as active_users_7d_count,
            120::bigint as active_users_30d_count, 5::bigint as new_users_count, 35::bigint as repeat_users_count,
            4::bigint as first_repeat_users_count, 1000::bigint as events_count, null::text as notice
        from days
    """,
    "account_days": """
        select launch_id, 'Acme'::text as account_id, metric_date, launch_day,
            min(metric_date) over (partition by launch_id) as first_active_date, 40::bigint as active_users_count,
            5::bigint as new_users_count, 35::bigint as repeat_users_count, 1000::bigint as events_count
        from days
    """,
    "event_volumes_daily": """
        select launch_id, metric_date, launch_day, 'Task Created'::text as event_name, 1000::bigint as events_count,
            40::bigint as users_count from days
    """,
    "funnel_daily": """
        select launch_id, 'activation'::text as funnel_id, 'Activation'::text as funnel_name,
            metric_date as entry_date, launch_day, step_number,
            'step ' || step_number as step_name, 10::bigint as entered_count,
            (12 - 2 * step_number)::bigint as reached_count,
            0::bigint as pending_count, (12 - 2 * step_number) / 10::double precision as reached_ratio, null::text as notice
        from days cross join generate_series(1, 3) as step_number
    """,
    "funnel_periods": """
        select distinct launch_id, 'activation'::text as funnel_id, 'Activation'::text as funnel_name, counting, period_kind,
            date_trunc(period_kind, metric_date)::date as period_start,
            (date_trunc(period_kind, metric_date)
                + case period_kind when 'quarter' then interval '3 months' else ('1 ' || period_kind)::interval end
            )::date - 1 as period_end,
            step_number, 'step ' || step_number as step_name,
            10::bigint as entered_count, (12 - 2 * step_number)::bigint as reached_count, 0::bigint as pending_count,
            (12 - 2 * step_number) / 10::double precision as reached_ratio, true as is_complete
        from days cross join generate_series(1, 3) as step_number cross join unnest(array['uniques', 'totals']) as counting
        cross join unnest(array['day', 'week', 'month', 'quarter']) as period_kind
    """,
    "retention_cohorts": """
        select launch_id, 'day'::text as period_kind, metric_date as cohort_date, period_number,
            5::bigint as cohort_size_count,
            (5 - period_number)::bigint as retained_count, true as is_complete,
            (5 - period_number) / 5::double precision as retained_ratio
        from days cross join generate_series(0, 3) as period_number
    """,
    "ticket_daily": """
        select launch_id, metric_date, launch_day, 'high'::text as priority, 2::bigint as opened_count,
            1::bigint as solved_count, 0::bigint as reopened_count,
            3::bigint as backlog_count, null::text as notice
        from days
    """,
    "ticket_categories_daily": """
        select launch_id, metric_date, launch_day, category_id, category_id as category_name, null::text as kind, null::text as severity,
            1::bigint as opened_count, 1::bigint as solved_count, 0::bigint as reopened_count, 1::bigint as backlog_count,
            2::bigint as all_opened_count, 0.5::double precision as opened_ratio
        from days cross join unnest(array['login', 'none']) as category_id
    """,
    "ticket_sla": """
        select launch_id, launch_day || '-' || number as ticket_id, metric, 1::bigint as instance_number, metric_date, launch_day,
            'high'::text as priority,
            metric_date + time '12:00' at time zone 'UTC' as started_at,
            case when not is_running then metric_date + time '13:00' at time zone 'UTC' end as ended_at,
            is_running, false as is_paused, 7200::double precision as target_seconds,
            3600::double precision as elapsed_business_seconds,
            3600::double precision as elapsed_calendar_seconds, false as is_breached,
            case when is_running then 3600::double precision end as due_seconds_left
        from days cross join generate_series(1, 2) as number cross join unnest(array['first_reply',
            'resolution']) as metric
        cross join lateral (
            select number = 2 and metric = 'resolution' and metric_date = (select max(metric_date) from days) as is_running
        ) as clock
    """,
    "ticket_clock_daily": """
        select launch_id, metric_date, launch_day, launch_day || '-2' as ticket_id, 'resolution'::text as metric,
            1::bigint as instance_number, 'high'::text as priority,
            metric_date + time '12:00' at time zone 'UTC' as started_at,
            false as is_paused, 7200::double precision as target_seconds,
            3600::double precision as elapsed_business_seconds, 3600::double precision as elapsed_calendar_seconds,
            false as is_breached, 3600::double precision as due_seconds_left, 36000::double precision as support_day_seconds
        from days
    """,
    "ticket_sla_daily": """
        select launch_id, metric_date, launch_day, metric, 'high'::text as priority, 2::bigint as started_count,
            2::bigint as attained_count,
            0::bigint as breached_count, 0::bigint as running_count,
            7200::double precision as elapsed_business_seconds_sum, 2::bigint as ended_count
        from days cross join unnest(array['first_reply', 'resolution']) as metric
    """,
    "incidents": """
        select launch_id, 'I' || launch_day as incident_id, launch_day + 100 as incident_number,
            'down'::text as title, 'P1'::text as severity,
            'S1'::text as service_id, 'API'::text as service_name, metric_date, launch_day,
            metric_date + time '12:00' at time zone 'UTC' as triggered_at,
            metric_date + time '12:05' at time zone 'UTC' as acknowledged_at,
            metric_date + time '13:00' at time zone 'UTC' as resolved_at, 300::double precision as acknowledge_seconds,
            3600::double precision as resolve_seconds, false as is_open, true as is_acknowledged,
            0::bigint as escalation_count, 1 as reached_level, 'Engineer'::text as reached_level_name, 1::bigint as deployments_24h_count,
            metric_date + time '10:00' at time zone 'UTC' as last_deployed_at,
            metric_date + time '15:00' at time zone 'UTC' as post_mortem_at,
            (metric_date + 1) + time '13:00' at time zone 'UTC' as post_mortem_due_at,
            'in_time'::text as post_mortem_status, false as is_merged, true as is_counted
        from days where launch_day % 7 = 0
    """,
    "incident_requirements": """
        select launch_id, 'REQ-1'::text as requirement_id, 'I' || launch_day as incident_id, launch_day + 100 as incident_number,
            'P1'::text as severity, metric_date, launch_day, 3600::double precision as resolve_seconds, true as is_counted
        from days where launch_day % 7 = 0
    """,
    "action_items": """
        select launch_id, launch_day + 100 as incident_number, 'Test it'::text as item, 'I' || launch_day as incident_id,
            'P1'::text as severity, metric_date as opened_date, metric_date + 7 as due_date, metric_date + 2 as done_date,
            'in_time'::text as status
        from days where launch_day % 7 = 0
    """,
    "on_call_coverage_daily": """
        select launch_id, metric_date, launch_day, 'E1'::text as escalation_policy_id, 86400::double precision as promised_seconds,
            86400::double precision as covered_seconds
        from days
    """,
    "responder_load_weekly": """
        select launch_id, date_trunc('week', metric_date)::date as week_start, count(*) as covered_days_count, 'ada'::text as responder_key,
            1::bigint as interruptions_count, 0::bigint as sleep_interruptions_count, 0::bigint as broken_nights_count,
            1::double precision as interruptions_share_ratio, 1::double precision as even_share_ratio
        from days group by launch_id, date_trunc('week', metric_date)
    """,
    "deployments": """
        select launch_id, 'D' || launch_day as deployment_id, metric_date, launch_day,
            metric_date + time '10:00' at time zone 'UTC' as deployed_at, 'S1'::text as service_id, 'API'::text as service_name,
            '1.' || launch_day as version, launch_day % 14 = 0 as is_hotfix, true as is_successful, true as is_in_window,
            case when launch_day % 14 = 0 then metric_date + time '09:00' at time zone 'UTC' end as identified_at,
            case when launch_day % 14 = 0 then 3600::double precision end as live_seconds,
            case when launch_day % 14 = 0 then 7200::double precision end as live_target_seconds,
            case when launch_day % 14 = 0 then true end as is_live_in_time, 1::bigint as incidents_24h_count
        from days where launch_day % 7 = 0
    """,
    "deployment_daily": """
        select launch_id, metric_date, launch_day, (launch_day % 7 = 0)::int::bigint as deployments_count,
            (launch_day % 14 = 0)::int::bigint as hotfixes_count, (launch_day % 7 = 0)::int::bigint as successful_count,
            0::bigint as failed_count, (launch_day % 7 = 0)::int::bigint as in_window_count, 0::bigint as outside_window_count,
            (launch_day % 14 = 0)::int::bigint as live_count, (launch_day % 14 = 0)::int::bigint as live_in_time_count,
            0::bigint as live_late_count, (launch_day % 7 = 0)::int::bigint as watched_count,
            (launch_day % 7 = 0)::int::bigint as followed_count,
            case when launch_day % 14 = 0 then 3600 else 0 end::double precision as live_seconds_sum
        from days
    """,
    "incident_daily": """
        select launch_id, metric_date, launch_day, 'P1'::text as severity,
            (launch_day % 7 = 0)::int::bigint as triggered_count,
            (launch_day % 7 = 0)::int::bigint as acknowledged_count, 0::bigint as never_acknowledged_count,
            (launch_day % 7 = 0)::int::bigint as resolved_count, 0::bigint as open_count,
            300::double precision as acknowledge_seconds_sum,
            3600::double precision as resolve_seconds_sum, 0::bigint as handed_over_count, null::text as notice
        from days
    """,
    "incident_responses": """
        select launch_id, 'day'::text as period_kind, metric_date as period_start, metric_date as period_end, 'P1'::text as severity,
            1::bigint as triggered_count, 1::bigint as acknowledged_in_time_count, 0::bigint as acknowledged_late_count,
            1::bigint as resolved_in_time_count, 0::bigint as resolved_late_count, 'met'::text as acknowledge_status
        from days where launch_day % 7 = 0
    """,
    "service_level_daily": """
        select days.launch_id, 'api'::text as service_id, 'API'::text as service_name, metric_date, launch_day,
            extract(epoch from (metric_date + 1)::timestamp at time zone timezone
                - metric_date::timestamp at time zone timezone)::double precision
                as observed_seconds,
            80000::double precision as up_seconds, 0::double precision as no_data_seconds,
            80000 / 86400::double precision as uptime_ratio,
            10000::double precision as request_count, 10000::double precision as classified_request_count,
            10::double precision as error_count,
            0.001::double precision as error_ratio,
            0.1::double precision as latency_p50_seconds, 0.2::double precision as latency_p95_seconds,
            0.3::double precision as latency_p99_seconds, null::text as notice
        from days inner join config.launches using (launch_id)
    """,
    "alert_daily": """
        select days.launch_id, 'errors'::text as alert_id, 'Errors'::text as message, 'P1'::text as severity, metric_date, launch_day,
            (launch_day % 7 = 0)::int::bigint as episodes_count, 0::bigint as possible_episodes_count,
            600 * (launch_day % 7 = 0)::int::double precision as breach_seconds,
            300 * (launch_day % 7 = 0)::int::double precision as firing_seconds,
            extract(epoch from (metric_date + 1)::timestamp at time zone timezone
                - metric_date::timestamp at time zone timezone)::double precision
                as observed_seconds,
            0::double precision as unknown_seconds
        from days inner join config.launches using (launch_id)
    """,
    "alert_episodes": """
        select launch_id, 'errors'::text as alert_id, metric_date, launch_day, '>'::text as comparator, 0.01::double precision as bound,
            300::double precision as for_seconds, metric_date::timestamptz as started_at,
            metric_date::timestamptz + interval '5 minutes' as fired_at, metric_date::timestamptz + interval '9 minutes' as last_seen_at,
            metric_date::timestamptz + interval '10 minutes' as ended_at, 600::double precision as seen_seconds,
            0::double precision as unseen_seconds, 0.02::double precision as worst_value, true as is_certain, 'ended'::text as end_state
        from days where launch_day % 7 = 0
    """,
    "page_breaches": """
        select launch_id, 'alert'::text as told_by, 'errors'::text as subject_id, metric_date, launch_day,
            metric_date::timestamptz as occurred_at, metric_date::timestamptz + interval '5 minutes' as fired_at, 'Q1'::text as incident_id,
            120::double precision as paged_after_seconds, 'caught'::text as outcome
        from days where launch_day % 7 = 0
    """,
    "incident_impacts": """
        select launch_id, 'Q' || launch_day as incident_id, 'Paid'::text as event_name, 'P1'::text as severity, metric_date, launch_day,
            metric_date::timestamptz as started_at, metric_date::timestamptz + interval '1 hour' as ended_at, 'measured'::text as status,
            4::bigint as weeks_count, 50::double precision as events_count, 200::double precision as expected_events_count,
            150::double precision as lost_events_count, 100::double precision as lost_events_low_count,
            200::double precision as lost_events_high_count, 40::double precision as users_count,
            100::double precision as expected_users_count, 60::double precision as lost_users_count,
            30::double precision as lost_users_low_count, 90::double precision as lost_users_high_count
        from days where launch_day % 7 = 0
    """,
    "account_health": """
        select launch_id, 'General'::text as account_id, date '2026-03-29' as metric_date, date '2026-03-29' - launch_date as launch_day,
            'red'::text as health, 'At risk'::text as meaning, 'Call'::text as outreach, 'nobody was active for 20 days'::text as reasons,
            date '2026-01-12' as first_active_date, date '2026-03-09' as last_active_date, 20::bigint as inactive_days_count,
            0::double precision as events_7d_count, 0::double precision as usage_ratio, 0::bigint as tickets_28d_count
        from config.launches
    """,
    "ticket_releases": """
        select launch_id, '7' || launch_day as ticket_id, metric_date, launch_day, 'low'::text as priority,
            metric_date::timestamptz as created_at, metric_date::timestamptz + interval '20 days' as solved_at,
            metric_date::timestamptz + interval '5 days' as first_release_at,
            metric_date::timestamptz + interval '12 days' as due_at, 'late'::text as status
        from days where launch_day % 7 = 0
    """,
    "leak_daily": """
        select launch_id, 'hoard'::text as alert_id, metric_date, launch_day, 0.02::double precision as slope_per_day,
            0.01::double precision as slope_low_per_day, true as is_leaking, date '2026-01-03' as leaking_since_date
        from days
    """,
    "error_budget_daily": """
        select launch_id, 'uptime'::text as kpi_id, 'api'::text as subject_id, metric_date, launch_day, 0.99::double precision as target,
            10::double precision as month_spent, 100::double precision as month_budget, 0.9::double precision as month_left_ratio,
            1::bigint as month_days_seen_count, 1::double precision as burn_1d_ratio
        from days
    """,
    "response_class_daily": """
        select launch_id, 'api'::text as service_id, 'slow'::text as class_id, metric_date, launch_day,
            100::bigint as class_request_count, 10000::bigint as request_count, 0.01::double precision as request_ratio,
            null::text as notice
        from days
    """,
    "dependency_daily": """
        select days.launch_id, 'bank'::text as dependency_id, metric_date, launch_day,
            extract(epoch from (metric_date + 1)::timestamp at time zone timezone
                - metric_date::timestamp at time zone timezone)::double precision
                as observed_seconds,
            300::double precision as down_seconds, 0::double precision as no_data_seconds, 0.99::double precision as uptime_ratio
        from days inner join config.launches using (launch_id)
    """,
    "latency_buckets_daily": """
        select launch_id, 'api'::text as service_id, metric_date, launch_day, bound as upper_bound_seconds,
            5000::double precision as request_count
        from days cross join unnest(array[0.1, 'Infinity'::double precision]) as bound
    """,
    "capacity_daily": """
        select launch_id, 'memory'::text as resource_id, 'Memory'::text as resource_name, 'ratio'::text as unit,
            metric_date, launch_day,
            0.5::double precision as average_value, 0.7::double precision as maximum_value,
            0.6::double precision as p95_value,
            0.8::double precision as trigger_value, 1440::bigint as samples_count
        from days
    """,
    "capacity_forecast": """
        select launch_id, 'memory'::text as resource_id, 'Memory'::text as resource_name, 'ratio'::text as unit,
            metric_date, launch_day, metric_date - 27 as trend_from_date,
            28::bigint as observed_days_count, 0.6::double precision as level_value,
            0.01::double precision as slope_per_day,
            0.005::double precision as slope_low_per_day, 0.02::double precision as slope_high_per_day,
            0.8::double precision as trigger_value,
            20::double precision as days_to_trigger, 10::double precision as days_to_trigger_low,
            40::double precision as days_to_trigger_high,
            0.01::double precision as recent_slope_per_day,
            0.5::double precision as expected_low_value, 0.7::double precision as expected_high_value,
            28::bigint as backtest_count, 27::bigint as backtest_covered_count,
            'growing'::text as outlook,
            true as is_growing
        from days
    """,
    "measures_daily": """
        select launch_id, domain, kpi_id as measure_id, ''::text as subject_id, ''::text as segment_id, metric_date, launch_day,
            1::double precision as value
        from days inner join build.kpis using (launch_id)
    """,
    "measure_buckets_daily": """
        select launch_id, 'reliability'::text as domain, 'request_duration'::text as measure_id, ''::text as subject_id,
            ''::text as segment_id, metric_date, launch_day, upper_bound, 1::double precision as value
        from days cross join (values (0.1::double precision), ('infinity'::double precision)) as bounds (upper_bound)
    """,
    "kpi_daily": """
        select launch_id, domain, kpi_id, ''::text as subject_id, ''::text as segment_id, metric_date, launch_day,
            0.5::double precision as value,
            1::double precision as numerator,
            2::double precision as denominator
        from days inner join build.kpis using (launch_id)
    """,
    "scorecard": """
        select launch_id, domain, kpi_id, ''::text as subject_id, ''::text as segment_id,
            'day'::text as period_kind, metric_date as period_start,
            metric_date as period_end, null::text as phase_id, launch_day,
            0.5::double precision as value, 1::double precision as numerator, 2::double precision as denominator,
            null::double precision as previous_value, 0.4::double precision as target, '>='::text as comparator,
            null::text as promise, false as is_quota, null::double precision as phase_value, 'met'::text as status,
            1 as days_seen_count, 1 as days_expected_count, true as is_complete
        from days inner join build.kpis using (launch_id)
    """,
    "plan_months": """
        select launch_id, domain, kpi_id, launch_day + 1 as month_number, metric_date as period_start,
            metric_date + 29 as period_end, false as is_per_day, 2::double precision as planned_value, 1::double precision as value,
            false as is_complete, 1 as days_seen_count
        from days inner join build.kpis using (launch_id)
        where launch_day >= 0
    """,
    "verdict_gates": """
        select launch_id, domain, kpi_id, ''::text as subject_id, ''::text as segment_id, launch_day + 1 as verdict_day,
            metric_date as verdict_date, 'phase'::text as period_kind, metric_date - 6 as phase_start,
            date '9999-12-31' as phase_end, 0.5::double precision as value, 1::double precision as numerator,
            2::double precision as denominator, 0.4::double precision as target, '>='::text as comparator, null::text as promise,
            'met'::text as status, null::integer as periods_count, null::integer as periods_met_count, 0 as days_unseen_count
        from days inner join build.kpis using (launch_id)
        where launch_day >= 6
    """,
}
# What invariants of marts look up in other models.
LOOKED_UP = {
    "stg_config__launches": "select launch_id, launch_date, timezone from config.launches",
    "stg_config__ticket_categories": "select launch_id, category_id from config.ticket_categories",
    "stg_config__alerts": "select launch_id, alert_id from config.alerts",
    "stg_config__leaks": "select launch_id, alert_id from config.leaks",
    "stg_config__response_classes": "select launch_id, service_id, class_id from config.response_classes",
    "stg_config__prometheus_metrics": "select launch_id, kind, subject_id from config.prometheus_metrics",
    "int_covered_dates": (
        "select launch_id, source, metric_date from days cross join unnest(array['mixpanel', 'pagerduty', 'prometheus']) as source"
    ),
}
_DAYS = """
with days as (
    select launch_id, day::date as metric_date, day::date - launch_date as launch_day
    from config.launches cross join generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') as day
)
"""

_EMPTY = (
    "create table if not exists raw.mixpanel_events_all partition of raw.mixpanel_events default",
    "create table if not exists raw.prometheus_samples_all partition of raw.prometheus_samples default",
    "delete from raw.mixpanel_events where %(source)s = 'mixpanel' and launch_id = %(launch)s and event_date = any(%(days)s)",
    "delete from raw.prometheus_samples where %(source)s = 'prometheus' and launch_id = %(launch)s and sample_date = any(%(days)s)",
    "delete from quarantine.records where source = %(source)s and launch_id = %(launch)s and partition_date = any(%(days)s)",
)
_ROWS = {
    "events": """
        insert into raw.mixpanel_events
        select %(launch)s, day, 'Task Created', 'user', number::text, day, null, '{}', 0
        from unnest(%(days)s::date[], %(counts)s::bigint[]) as loads (day, loaded) cross join generate_series(1, loaded) as number
    """,
    "samples": """
        insert into raw.prometheus_samples
        select %(launch)s, day, 'api.up', 1, day + number * interval '1 second', 1, 0
        from unnest(%(days)s::date[], %(counts)s::bigint[]) as loads (day, loaded) cross join generate_series(1, loaded) as number
    """,
}
_REFUSED = """
    insert into quarantine.records (load_id, launch_id, source, stream, partition_date, reason, landing_path, line_number, raw_line)
    select 0, %(launch)s, %(source)s, %(stream)s, day, 'bad JSON', 'l', number, '{'
    from unnest(%(days)s::date[]) as day cross join generate_series(1, %(refused)s::bigint) as number
"""


def marts_alone(folder: Path) -> Path:
    """A dbt project of the marts and their YAML, without the models behind them, which are not built by hand."""
    project = folder / "dbt_project"
    shutil.copytree(REPOSITORY / "dbt_project" / "models" / "marts", project / "models" / "marts")
    return project


@dataclass
class Warehouse:
    """What a test does to the warehouse, each call in its own transaction."""

    last: dt.date = LAST

    def run(self, statement: str, parameters: Any = None, *, role: Any = "transformer") -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, if it has any."""
        with connect(role) as session:
            cursor = session.execute(statement, parameters)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def configure(self, launches: Iterable[str] = (LAUNCH,)) -> None:
        """Register launches that watch one service and one resource and have one funnel."""
        for launch in launches:
            self.run(
                "insert into config.launches values (%s, %s, %s, 'America/New_York', 30, 30, '{}')",
                [launch, launch, LAUNCH_DATE],
                role=None,
            )
            self.run(
                """
                insert into config.prometheus_metrics (launch_id, metric_id, kind, subject_id, subject_name, query, unit, step_seconds)
                values (%(launch)s, 'api.up', 'up', 'api', 'API', 'up', 'ratio', 60),
                    (%(launch)s, 'memory.resource', 'resource', 'memory', 'Memory', 'm', 'ratio', 60),
                    (%(launch)s, 'bank.dependency', 'dependency', 'bank', 'The bank', 'probe', 'ratio', 60)
                """,
                {"launch": launch},
                role=None,
            )
            for table, values in (
                ("ticket_categories", "'login', 'Login', null, null"),
                ("leaks", "'hoard', 'Hoard', 'P1', 'on-call', 'memory'"),
                ("response_classes", "'api', 'slow', 0.5, null"),
                ("alerts", "'errors', 'Errors', 'P1', 'on-call', '>', 0.01, 300, 300, 'ratio', null"),
            ):
                self.run(f"insert into config.{table} values (%s, {values})", [launch], role=None)

    def build(self, domains: Iterable[Domain] = tuple(DOMAIN_SOURCE), first: dt.date = FIRST, launches: Iterable[str] = (LAUNCH,)) -> int:
        """Make every build table anew and say that a build changed `domains` from `first` to `last`; returns the build's number."""
        days = sql.SQL(_DAYS.replace("%(first)s", "{first}").replace("%(last)s", "{last}")).format(
            first=sql.Literal(FIRST.isoformat()), last=sql.Literal(self.last.isoformat())
        )
        with connect("transformer") as session:
            for table, query in (LOOKED_UP | MARTS).items():
                target = sql.Identifier("build", table)
                session.execute(sql.SQL("drop table if exists {}").format(target))
                session.execute(sql.SQL("create table {} as {} {}").format(target, days, sql.SQL(query)))  # type: ignore[arg-type]
        return self.say_built(domains, first, launches)

    def say_built(self, domains: Iterable[Domain], first: dt.date = FIRST, launches: Iterable[str] = (LAUNCH,)) -> int:
        """Say that a build changed `domains` from `first` to `last`, and leave its tables as they are; returns the build's number."""
        build_id = self.run("insert into ops.builds (status, is_full_refresh) values ('succeeded', false) returning build_id")[0][0]
        self.run("update ops.partition_loads set build_id = %s where build_id is null and is_changed", [build_id])
        for launch in launches:
            for domain in domains:
                self.run("insert into ops.domain_builds values (%s, %s, %s, %s, %s)", [build_id, launch, domain, first, self.last])
        return int(build_id)

    def accept(self, domain: Domain) -> None:
        """Say that what is built of `domain` was published, as publish does, without looking at it."""
        self.run("insert into ops.publications (build_id) select max(build_id) from ops.builds", role="publisher")
        self.run(
            """
            update ops.domain_builds set publication_id = (select max(publication_id) from ops.publications)
            where domain = %s and publication_id is null
            """,
            [domain],
            role="publisher",
        )
        self.run(
            """
            insert into ops.domain_status (launch_id, domain, publication_id, covered_through)
            select launch_id, domain, max(publication_id),
            max(last_date) from ops.domain_builds where domain = %s group by launch_id, domain
            """,
            [domain],
            role="publisher",
        )

    def load(
        self,
        count: int | Callable[[dt.date], int],
        first: dt.date = FIRST,
        last: dt.date | None = None,
        *,
        duplicates: int = 0,
        quarantined: int = 0,
        content: str | None = None,
        is_changed: bool = True,
        stream: str = "events",
        launch: str = LAUNCH,
        is_bare: bool = False,
    ) -> None:
        """Record one load a date, as the loader does; `count` is how many rows were loaded. `is_bare`: the record alone, no rows."""
        source = "mixpanel" if stream == "events" else "prometheus"
        days = [first + dt.timedelta(days=number) for number in range(((last or first) - first).days + 1)]
        counts = [count(day) if callable(count) else count for day in days]
        rows = [
            (
                *(launch, source, stream, day, day, day + dt.timedelta(days=1)),
                *(loaded + duplicates + quarantined, loaded, duplicates, quarantined),
                *(content or f"{day}-{loaded}-{duplicates}-{quarantined}", is_changed),
            )
            for day, loaded in zip(days, counts, strict=True)
        ]
        with connect("loader") as session, session.cursor() as cursor:
            cursor.executemany(
                """
                insert into ops.partition_loads (
                    launch_id, source, stream, partition_date, window_start_at, window_end_at, pull_id, landing_path, bytes_count,
                    landed_count, loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, request, duration_seconds
                ) values (%s, %s, %s, %s, %s, %s, 'p', 'l', 1, %s, %s, %s, %s, %s, %s, '{}', 1)
                """,
                rows,
            )
            if not is_bare:
                values = {"launch": launch, "source": source, "stream": stream, "days": days, "counts": counts, "refused": quarantined}
                for statement in (*_EMPTY, _ROWS[stream], _REFUSED):
                    cursor.execute(statement, values)

    def fingerprint(self, *tables: str) -> dict[str, str]:
        """md5 over all rows of marts tables, by table."""
        return {
            table: self.run(
                f"select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from marts.{table} as t", role="publisher"
            )[0][0]
            for table in tables or MARTS
        }
