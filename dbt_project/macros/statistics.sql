{# After a table is made: statistics for the planner, which knows nothing of a new table and then loops where it should hash. A night adds
   little to a large table, which keeps the statistics it has until it is a tenth longer than when they were taken: by many nights, or by
   one launch that came with its history. large_rows: fewer where nothing but look-ups by key and date reads the table again, for statistics
   of a wide table cost as much as what a night adds to it. #}
{% macro analyze_table(large_rows=50000) -%}
    {{ return(adapter.dispatch('analyze_table', 'postlaunch')(large_rows)) }}
{%- endmacro %}
{% macro postgres__analyze_table(large_rows) -%}
    {%- if model.config.materialized != 'view' -%}
        {%- if is_incremental() -%}
            do $$ begin
                if not exists (
                    select from pg_class
                    where oid = '{{ this }}'::regclass and reltuples > {{ large_rows }}
                        and pg_relation_size(oid) < 1.1 * relpages * current_setting('block_size')::integer
                ) then
                    analyze {{ this }};
                end if;
            end $$
        {%- else -%}
            analyze {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The first pre_hook of a model that goes on night by night: what changed is looked for by index in what is there. The planner, which does
   not know how little that is, would read the whole history, each night a little more. Ends with the model's transaction. joins: 'loops' for
   a model whose every join is such a look-up; 'hashes' for one that joins rows with what it has just made of them: the planner expects one
   of these, and compares each of a hundred thousand with each. #}
{% macro read_by_index(joins='any') -%}
    {{ return(adapter.dispatch('read_by_index', 'postlaunch')(joins)) }}
{%- endmacro %}
{% macro postgres__read_by_index(joins) -%}
    {%- set off = ['enable_nestloop', 'enable_mergejoin'] if joins == 'hashes' else [] -%}
    {%- if is_incremental() or model.config.materialized == 'table' -%}
        {%- set off = off + ['enable_seqscan'] + (['enable_hashjoin', 'enable_mergejoin'] if joins == 'loops' else []) -%}
    {%- endif -%}
    {%- for setting in off %}set local {{ setting }} = off{{ '; ' if not loop.last }}{% else %}select 1{% endfor -%}
{%- endmacro %}
