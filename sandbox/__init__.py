"""A whole company on loopback for demonstration and tests: PostgreSQL, the four APIs with a story, a mail catcher, Airflow."""
