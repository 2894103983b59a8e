"""The PostgreSQL warehouse: connections and roles, migrations, locks, launch files in `config.*`."""
