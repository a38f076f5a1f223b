"""Which files a run comes to."""

import os
from pathlib import Path

import pytest

from node.batch.file_search import find_files
from node.domain.errors import Misconfigured


def touch(*paths: Path) -> None:
    """Make files and the folders they need."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_to_the_bottom_and_in_order(tmp_path: Path) -> None:
    """Whatever the order of the arguments or of the file system, the table has one order."""
    wanted = [tmp_path / name for name in ("a/1", "a/b/c/2", "d", "e/.hidden")]
    touch(*reversed(wanted))
    assert list(find_files([tmp_path]).files) == wanted
    assert list(find_files([tmp_path / "e", tmp_path / "d", tmp_path / "a"]).files) == wanted


def test_a_file_is_listed_once_whatever_leads_to_it(tmp_path: Path) -> None:
    """Named twice, below a folder named too, or by a link that sorts before it."""
    film = tmp_path / "films" / "film"
    touch(film)
    (tmp_path / "a-link").symlink_to(film)
    (tmp_path / "another").symlink_to(film.parent)
    assert find_files([tmp_path, film, film.parent]).files == (film,)


def test_a_link_out_of_the_folder_is_followed(tmp_path: Path) -> None:
    """Researchers make folders of links; the path is the link's."""
    touch(tmp_path / "archive" / "x" / "film", tmp_path / "archive" / "other")
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    (cohort / "patient").symlink_to(tmp_path / "archive" / "x")
    (cohort / "single").symlink_to(tmp_path / "archive" / "other")
    assert find_files([cohort]).files == (cohort / "patient" / "film", cohort / "single")


def test_loops_end(tmp_path: Path) -> None:
    """A link to a folder above it, two that name each other, one that names itself."""
    touch(tmp_path / "deep" / "film")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    found = find_files([tmp_path])
    assert found.files == (tmp_path / "deep" / "film",)
    assert found.skipped == {"broken link": 2}


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """It would wait for its writer for ever."""
    os.mkfifo(tmp_path / "pipe")
    found = find_files([tmp_path])
    assert found.files == ()
    assert found.skipped == {"not a regular file": 1}


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A typing error must not end as an empty table."""
    with pytest.raises(Misconfigured, match=r"nowhere: No such file.*name a file or a folder"):
        find_files([tmp_path, tmp_path / "nowhere"])
