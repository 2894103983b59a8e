{{
    changed_rows(
        ref('int_retention_periods'),
        table_before('retention_cohorts'),
        ['launch_id', 'period_kind', 'cohort_date', 'period_number'],
        ['period_name', 'cohort_size_count', 'retained_count', 'is_complete', 'retained_ratio']
    )
}}
