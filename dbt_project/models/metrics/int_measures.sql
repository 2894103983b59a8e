{{ config(materialized='view') }}

{# Which columns of which models are measures: the one place that says so. A KPI (plugins/postlaunch/kpis/) is made of them. #}
{% set marts = [
    {'relation': ref('active_users_daily'), 'domain': 'product', 'columns': {
        'active_users_count': 'active_users', 'active_users_7d_count': 'active_users_7d', 'active_users_30d_count': 'active_users_30d',
        'new_users_count': 'new_users',
    }},
    {'relation': ref('int_activation_daily'), 'domain': 'product', 'columns': {
        'activated_count': 'activated', 'entered_count': 'activation_entries',
    }},
    {'relation': ref('int_retention_daily'), 'domain': 'product', 'subject': 'retention_day', 'is_whole_given': true, 'columns': {
        'retained_count': 'retained_users', 'cohort_size_count': 'cohort_users',
    }},
    {'relation': ref('ticket_daily'), 'domain': 'support', 'subject': 'priority', 'columns': {
        'opened_count': 'tickets_opened', 'solved_count': 'tickets_solved', 'backlog_count': 'ticket_backlog',
    }},
    {'relation': ref('ticket_categories_daily'), 'domain': 'support', 'subject': 'category_id', 'is_whole_given': true, 'columns': {
        'opened_count': 'category_opened', 'all_opened_count': 'category_all_opened', 'backlog_count': 'category_backlog',
    }},
    {'relation': ref('int_attainment_daily'), 'domain': 'support', 'subject': 'priority', 'prefix': 'metric', 'columns': {
        'attained_count': 'attained', 'breached_count': 'breached',
    }},
    {'relation': ref('int_release_promises_daily'), 'domain': 'support', 'columns': {
        'in_time_count': 'release_solved_in_time', 'late_count': 'release_solved_late',
    }},
    {'relation': ref('int_ticket_times_daily'), 'domain': 'support', 'subject': 'priority', 'prefix': 'metric', 'columns': {
        'ended_count': 'ended', 'business_seconds': 'seconds',
    }},
    {'relation': ref('incident_daily'), 'domain': 'incidents', 'subject': 'severity', 'columns': {
        'triggered_count': 'incidents',
        'acknowledge_seconds_sum': 'acknowledge_seconds', 'acknowledged_count': 'incidents_acknowledged',
        'acknowledged_in_time_count': 'incidents_acknowledged_in_time', 'acknowledged_late_count': 'incidents_acknowledged_late',
        'resolve_seconds_sum': 'resolve_seconds', 'resolved_count': 'incidents_resolved',
        'resolved_in_time_count': 'incidents_resolved_in_time', 'resolved_late_count': 'incidents_resolved_late', 'escalated_count': 'incidents_escalated',
    }},
    {'relation': ref('int_follow_ups_daily'), 'domain': 'incidents', 'subject': 'severity', 'columns': {
        'post_mortems_in_time_count': 'post_mortems_in_time', 'post_mortems_late_count': 'post_mortems_late',
        'action_items_in_time_count': 'action_items_in_time', 'action_items_late_count': 'action_items_late',
    }},
    {'relation': ref('int_impact_daily'), 'domain': 'incidents', 'columns': {'lost_events_count': 'events_lost'}},
    {'relation': ref('on_call_coverage_daily'), 'domain': 'incidents', 'subject': 'escalation_policy_id', 'columns': {
        'promised_seconds': 'on_call_promised_seconds', 'covered_seconds': 'on_call_covered_seconds',
    }},
    {'relation': ref('deployment_daily'), 'domain': 'incidents', 'columns': {
        'deployments_count': 'deployments', 'successful_count': 'deployments_successful', 'failed_count': 'deployments_failed',
        'outside_window_count': 'deployments_outside_windows', 'watched_count': 'deployments_watched',
        'followed_count': 'deployments_followed', 'live_count': 'hotfixes_live', 'live_seconds_sum': 'hotfix_seconds',
        'live_in_time_count': 'hotfixes_in_time', 'live_late_count': 'hotfixes_late',
    }},
    {'relation': ref('service_level_daily'), 'domain': 'reliability', 'subject': 'service_id', 'columns': {
        'up_seconds': 'up_seconds', 'observed_seconds': 'observed_seconds',
        'request_count': 'requests', 'classified_request_count': 'classified_requests', 'error_count': 'errors',
    }},
    {'relation': ref('int_outcome_measures_daily'), 'domain': 'product', 'named_by': 'measure_id', 'columns': {
        'reached_count': '.reached', 'of_count': '.of',
    }},
    {'relation': ref('int_capacity_outlooks'), 'domain': 'capacity', 'subject': 'resource_id', 'is_whole_given': true, 'columns': {
        'days_to_trigger': 'days_to_trigger',
    }},
] %}

{# Relations whose rows are measures already: those of KPIs that a launch declares for itself. #}
{% set declared = [
    {'relation': ref('int_event_measures_daily'), 'domain': 'product'},
    {'relation': ref('int_promql_measures_daily'), 'domain': 'reliability'},
] %}

with facts as (
    select
        facts.launch_id,
        kpis.domain,
        facts.measure_id,
        facts.metric_date,
        facts.value
    from {{ ref('stg_config__facts') }} as facts
    inner join {{ ref('stg_config__kpis') }} as kpis on facts.launch_id = kpis.launch_id and facts.kpi_id = kpis.kpi_id
    inner join {{ ref('int_covered_dates') }} as covered
        on facts.launch_id = covered.launch_id and facts.source = covered.source and facts.metric_date = covered.metric_date
),

measured as (
    {% for mart in marts %}
    {{ measure_rows(mart) }}
    union all
    {% endfor %}
    {% for measures in declared %}
    select launch_id, '{{ measures.domain }}' as domain, measure_id, '' as subject_id, metric_date, value
    from {{ measures.relation }}
    union all
    {% endfor %}
    select launch_id, 'product' as domain, measure_id, '' as subject_id, period_start as metric_date, value
    from {{ ref('int_unique_measures') }}
    where period_kind = 'day' and not is_counterpart
    union all
    select launch_id, domain, measure_id, '' as subject_id, metric_date, value
    from facts
),

final as (
    select measured.*, '' as segment_id from measured
    union all
    select launch_id, 'product' as domain, measure_id, subject_id, metric_date, value, segment_id
    from {{ ref('int_segment_measures_daily') }}
)

select
    final.launch_id,
    final.domain,
    final.measure_id,
    final.subject_id,
    final.segment_id,
    final.metric_date,
    {{ days_between('launches.launch_date', 'final.metric_date') }} as launch_day,
    final.value
from final
inner join {{ ref('stg_config__launches') }} as launches on final.launch_id = launches.launch_id
