{# How models become tables and views in PostgreSQL: each in one transaction, and by as few statements as that takes. dbt's own way (a new one
   beside the old one, two renames, a drop after the commit; a night's rows by way of a temporary table) is a third of its time for a small
   model, and writes a night's rows twice. Of dbt's settings these know what this project uses: hooks within the transaction, indexes,
   contracts, docs; incremental models append, after their pre_hook has deleted. A change of their columns fails: of a name by itself, of their
   number by the empty branch of a union (marts/dbt_run.py says what to do). #}

{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {{ drop_replaced() }}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {% endcall %}
    {{ return(made(target_relation)) }}
{% endmaterialization %}

{% materialization table, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {{ make_table(target_relation) }}
    {{ return(made(target_relation)) }}
{% endmaterialization %}

{% materialization incremental, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if config.get('incremental_strategy') != 'append' or config.get('unique_key') -%}
        {{ exceptions.raise_compiler_error("incremental models of this project append: incremental_strategy='append' and a pre_hook that deletes") }}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {% if is_incremental() %}
        {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='quoted') | list -%}
        {% call statement('main') %}
            insert into {{ this }} ({{ columns | join(', ') }})
            select made.{{ columns | join(', made.') }} from (
                (
                    {{ sql }}
                )
                union all
                select * from {{ this }} where false
            ) as made
        {% endcall %}
    {% else %}
        {{ make_table(target_relation) }}
    {% endif %}
    {{ return(made(target_relation)) }}
{% endmaterialization %}

{% macro make_table(target_relation) -%}
    {%- set new_relation = make_intermediate_relation(target_relation) -%}
    {% call statement('main') %}
        {{ get_create_table_as_sql(False, new_relation, sql) }}
    {% endcall %}
    {% call statement('replace') %}
        {%- for index in config.get('indexes', default=[]) %}
        {{ get_create_index_sql(new_relation, index) }};
        {%- endfor %}
        {{ drop_replaced() }}
        alter table {{ new_relation }} rename to {{ adapter.quote(target_relation.identifier) }}
    {% endcall %}
{%- endmacro %}

{# What is there under the name of a model, with the views that are made of it: they are made again after it. #}
{% macro drop_replaced() -%}
    {%- set replaced = load_cached_relation(this) -%}
    {% if replaced is not none %}drop {{ replaced.type }} if exists {{ replaced }} cascade;{% endif %}
{%- endmacro %}

{% macro made(target_relation) -%}
    {{ run_hooks(post_hooks) }}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}
