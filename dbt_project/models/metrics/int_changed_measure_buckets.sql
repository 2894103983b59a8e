{{
    changed_rows(
        ref('int_measure_buckets'),
        table_before('measure_buckets_daily'),
        ['launch_id', 'measure_id', 'subject_id', 'segment_id', 'metric_date', 'upper_bound'],
        ['domain', 'launch_day', 'value']
    )
}}
