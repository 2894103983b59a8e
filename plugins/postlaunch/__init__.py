"""postlaunch: tells, for every product launch, whether it is working and will keep working.

    sources -> landing zone -> raw -> dbt (build) -> gate -> marts -> reviews

Nothing here imports Airflow; that happens in `postlaunch.orchestration` alone.
"""

__version__ = "0.1.0"
