"""The PostgreSQL warehouse: connections and roles, migrations, loads, builds, publications."""
