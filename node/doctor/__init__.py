"""Checks of this machine and of connections for `osteoscreen doctor`."""
