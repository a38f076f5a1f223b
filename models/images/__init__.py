"""Read films and prepare them for the nets."""
