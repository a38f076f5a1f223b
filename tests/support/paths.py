"""Where the tests find the repository and the shared films."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository's root folder."""
