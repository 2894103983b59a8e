"""Prometheus: samples of a server or of OpenMetrics export files."""
