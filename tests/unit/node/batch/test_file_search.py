"""Batch screening searches for files below the given paths."""

import os
from pathlib import Path

import pytest

from node.batch.file_search import find_files
from node.domain.errors import Misconfigured


def touch(*paths: Path) -> None:
    """Create empty files and their folders."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_all_files_are_found_in_the_order_of_their_paths(tmp_path: Path) -> None:
    """The order of the arguments and of the file system does not change the result."""
    expected = [tmp_path / name for name in ("a/1", "a/b/c/2", "d", "e/.hidden")]
    touch(*reversed(expected))
    assert list(find_files([tmp_path]).files) == expected
    assert list(find_files([tmp_path / "e", tmp_path / "d", tmp_path / "a"]).files) == expected


def test_a_file_is_listed_once(tmp_path: Path) -> None:
    """A file is listed once, even if it is named twice, lies below a named folder, or is linked."""
    film = tmp_path / "films" / "film"
    touch(film)
    (tmp_path / "a-link").symlink_to(film)
    (tmp_path / "another").symlink_to(film.parent)
    assert find_files([tmp_path, film, film.parent]).files == (film,)


def test_a_link_to_another_folder_is_followed(tmp_path: Path) -> None:
    """A file behind a link is listed with the path of the link."""
    touch(tmp_path / "archive" / "x" / "film", tmp_path / "archive" / "other")
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    (cohort / "patient").symlink_to(tmp_path / "archive" / "x")
    (cohort / "single").symlink_to(tmp_path / "archive" / "other")
    assert find_files([cohort]).files == (cohort / "patient" / "film", cohort / "single")


def test_loops_end(tmp_path: Path) -> None:
    """The search ends for a link to a parent folder, and for two links to each other."""
    touch(tmp_path / "deep" / "film")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    result = find_files([tmp_path])
    assert result.files == (tmp_path / "deep" / "film",)
    assert result.skipped == {"broken link": 2}


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """Opening a pipe would block the search."""
    os.mkfifo(tmp_path / "pipe")
    result = find_files([tmp_path])
    assert result.files == ()
    assert result.skipped == {"not a regular file": 1}


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    """A mistyped path must not give an empty table."""
    with pytest.raises(Misconfigured, match=r"nowhere: No such file.*name a file or a folder"):
        find_files([tmp_path, tmp_path / "nowhere"])
