"""PagerDuty: incidents, what happened to them, and who was to answer."""
