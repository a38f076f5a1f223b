"""The job table: films, deliveries and their history in SQLite or PostgreSQL."""
