"""Maintenance: expired leases, overdue commitments, queue alarms, retention and orphaned films."""
