"""Drift monitoring: daily metrics of each source, alarms, and their notification."""
