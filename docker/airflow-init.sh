#!/usr/bin/env bash
# Brings both databases up to date and makes the administrator; safe to run again at every start.
set -euo pipefail

airflow db migrate
python -m postlaunch.orchestration.pools /tmp/pools.json
airflow pools import /tmp/pools.json
airflow users create --username admin --password "$AIRFLOW_ADMIN_PASSWORD" --role Admin \
    --firstname post --lastname launch --email admin@example.com
postlaunch launches check
postlaunch migrate
