# One image for every Airflow component. requirements.txt is complete and hashed, so nothing is resolved.
FROM python:3.12-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends chromium fontconfig fonts-dejavu-core fonts-liberation tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 50000 postlaunch

ENV PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/postlaunch/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/postlaunch/plugins \
    BROWSER_PATH=/usr/bin/chromium \
    DO_NOT_TRACK=1 \
    SCARF_NO_ANALYTICS=true \
    GX_ANALYTICS_ENABLED=false

# uv: into this Python, no cache left behind, and compiled once, or every start of Airflow and dbt would compile anew
ENV UV_SYSTEM_PYTHON=1 \
    UV_NO_CACHE=1 \
    UV_COMPILE_BYTECODE=1

WORKDIR /opt/postlaunch
COPY requirements.txt ./
# Zenpy is GPL-3.0: --build-arg WITH_ZENPY=false for an image that is passed on. Zendesk is then called over plain HTTP, with the same result.
ARG WITH_ZENPY=true
RUN if [ "$WITH_ZENPY" = false ]; then sed -i '/^zenpy==/,/[^\\]$/d' requirements.txt; fi
RUN pip install --no-cache-dir uv==0.13.8 \
    && uv pip install --no-deps --require-hashes --requirement requirements.txt

COPY . .
RUN uv pip install --no-deps --editable . \
    && dbt parse --project-dir dbt_project --profiles-dir dbt_project \
    && mkdir -p /opt/airflow/logs /var/lib/postlaunch/landing \
    && chown -R postlaunch /opt/airflow /opt/postlaunch /var/lib/postlaunch

USER postlaunch
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "version"]
