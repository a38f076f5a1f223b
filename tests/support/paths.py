"""The paths of the repository and of the shared films."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository's root folder."""
