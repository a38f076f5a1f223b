"""The workers: they claim films and deliveries, and record the outcome under a lease."""
