"""Write files atomically, read YAML, and define the errors that commands report."""
