"""The configuration: the sections of `config.yaml` with their keys and defaults."""
