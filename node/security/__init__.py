"""TLS contexts and secrets."""
