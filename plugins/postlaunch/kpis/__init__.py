"""What is measured and promised of: KPIs are data, one YAML file per domain."""
