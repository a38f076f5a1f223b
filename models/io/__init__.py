"""Write files atomically and read YAML."""
