"""States and transitions of jobs and deliveries, and when to retry."""
