{# How models become tables and views in PostgreSQL: each in one transaction, and by as few statements as that takes, for most of the time of
   a small model is dbt's own, and goes into statements and questions to the database. dbt's own way (a new one beside the old one, two
   renames, a drop after the commit; a night's rows by way of a temporary table; a statement a hook; the columns asked for before each
   comment) is half of its time, and writes a night's rows twice. Of dbt's settings these know what this project uses: hooks within the
   transaction, indexes, contracts, docs; incremental models append, after their pre_hook has deleted. A change of their columns fails: of a
   name by itself, of their number by the empty branch of a union (marts/dbt_run.py says what to do). #}

{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {% call statement('main') %}
        {{ statements_of(pre_hooks) }}
        {{ drop_replaced() }}
        {{ get_create_view_as_sql(target_relation, sql) }}
        {{ finish(target_relation) }}
    {% endcall %}
    {{ return(made(target_relation)) }}
{% endmaterialization %}

{% materialization table, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ make_table(target_relation) }}
    {{ return(made(target_relation)) }}
{% endmaterialization %}

{% materialization incremental, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if config.get('incremental_strategy') != 'append' or config.get('unique_key') -%}
        {{ exceptions.raise_compiler_error("incremental models of this project append: incremental_strategy='append' and a pre_hook that deletes") }}
    {%- endif -%}
    {% if is_incremental() %}
        {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='quoted') | list -%}
        {% call statement('main') %}
            {{ statements_of(pre_hooks) }}
            insert into {{ this }} ({{ columns | join(', ') }})
            select made.{{ columns | join(', made.') }} from (
                (
                    {{ sql }}
                )
                union all
                select * from {{ this }} where false
            ) as made
        {% endcall %}
        {% call statement('finish') %}
            {{ statements_of(post_hooks) }}
        {% endcall %}
    {% else %}
        {{ make_table(target_relation) }}
    {% endif %}
    {{ return(made(target_relation)) }}
{% endmaterialization %}

{% macro make_table(target_relation) -%}
    {%- set new_relation = make_intermediate_relation(target_relation) -%}
    {% call statement('main') %}
        {{ statements_of(pre_hooks) }}
        {{ get_create_table_as_sql(False, new_relation, sql) }}
    {% endcall %}
    {% call statement('finish') %}
        {%- for index in config.get('indexes', default=[]) %}
        {{ get_create_index_sql(new_relation, index) }};
        {%- endfor %}
        {{ drop_replaced() }}
        alter table {{ new_relation }} rename to {{ adapter.quote(target_relation.identifier) }};
        {{ finish(target_relation) }}
    {% endcall %}
{%- endmacro %}

{# Hooks, and what readers see of a mart's description in the database. #}
{% macro finish(target_relation) -%}
    {{ statements_of(post_hooks) }}
    {%- if config.persist_relation_docs() and model.description %}
    {{ alter_relation_comment(target_relation, model.description) }}
    {%- endif %}
    {%- if config.persist_column_docs() %}
    {%- for name, column in model.columns.items() %}
    comment on column {{ target_relation }}.{{ adapter.quote(name) }} is {{ postgres_escape_comment(column.description) }};
    {%- endfor %}
    {%- endif %}
{%- endmacro %}

{% macro statements_of(hooks) -%}
    {%- for hook in hooks %}
    {{ render(hook.sql) }}
    ;
    {%- endfor %}
{%- endmacro %}

{# As dbt's own, which compares the name of the model with that of every table each time it is asked, and a model asks up to ten times. #}
{% macro is_incremental() -%}
    {%- if not execute or model.config.materialized != 'incremental' or should_full_refresh() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- if 'is_made_already' not in context -%}
        {%- set relation = load_cached_relation(this) -%}
        {%- do context.update(is_made_already=relation is not none and relation.type == 'table') -%}
    {%- endif -%}
    {{ return(context['is_made_already']) }}
{%- endmacro %}

{# What is there under the name of a model, with the views that are made of it: they are made again after it. #}
{% macro drop_replaced() -%}
    {%- set replaced = load_cached_relation(this) -%}
    {% if replaced is not none %}drop {{ replaced.type }} if exists {{ replaced }} cascade;{% endif %}
{%- endmacro %}

{% macro made(target_relation) -%}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}
