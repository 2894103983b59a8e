"""Mixpanel: events by the raw export, profiles of accounts by `engage`."""
