"""Landing zone -> raw tables: one transaction a pull, with its quarantine and its accounting."""
