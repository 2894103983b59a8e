{{
    changed_rows(
        ref('int_measures'),
        table_before('measures_daily'),
        ['launch_id', 'measure_id', 'subject_id', 'segment_id', 'metric_date'],
        ['domain', 'launch_day', 'value']
    )
}}
