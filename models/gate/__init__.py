"""The gate: what a picture shows, before it is scored."""
