# One image for every Airflow component. requirements.txt is complete and hashed, so pip resolves nothing.
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

WORKDIR /opt/postlaunch
COPY requirements.txt ./
# Zenpy is GPL-3.0: --build-arg WITH_ZENPY=false for an image that is passed on. Zendesk is then called over plain HTTP, with the same result.
ARG WITH_ZENPY=true
RUN if [ "$WITH_ZENPY" = false ]; then sed -i '/^zenpy==/,/[^\\]$/d' requirements.txt; fi
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt

COPY . .
RUN pip install --no-cache-dir --no-deps --editable . \
    && dbt parse --project-dir dbt_project --profiles-dir dbt_project \
    && mkdir -p /opt/airflow/logs /var/lib/postlaunch/landing \
    && chown -R postlaunch /opt/airflow /opt/postlaunch /var/lib/postlaunch

USER postlaunch
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "version"]
