"""Turn scores into decisions by thresholds, overrides and prior studies."""
