#!/usr/bin/env bash
# Runs once, when the database volume is empty: a login and a database each for the warehouse, Airflow and Metabase.
# The warehouse login may create roles: the migrations give every step of the pipeline its own.
set -euo pipefail

create() {  # login, password, attributes
    psql --username postgres --variable ON_ERROR_STOP=1 --variable login="$1" --variable password="$2" <<SQL
create role :"login" login $3 password :'password';
create database :"login" owner :"login";
SQL
}

create postlaunch "$WAREHOUSE_PASSWORD" createrole
create airflow "$AIRFLOW_DB_PASSWORD" ""
create metabase "$METABASE_DB_PASSWORD" ""
psql --username postgres --variable ON_ERROR_STOP=1 <<'SQL'
revoke all on database postlaunch from public;
-- "Who has kept this locked, and since when" also for sessions of other logins.
grant pg_read_all_stats to postlaunch;
SQL
