"""The table of scores on disk, as CSV or Parquet: read, and replaced in one step."""

import csv
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from node.batch.row import COLUMNS, FLAGS, NUMBERS, Cell, Row
from node.domain.errors import Misconfigured, Permanent
from node.files import atomic_file


class Table(ABC):
    """One file of rows. The formats hold the same: what is unknown is an empty cell, or null."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Row]:
        """Return the rows of an earlier run; raise Misconfigured for a file that is not ours."""
        if not self.path.exists():
            return []
        try:
            return [Row.of_cells(cells) for cells in self._load()]
        except OSError as error:
            raise Misconfigured(f"--out: {self.path}: {error.strerror}") from None
        except (ValueError, csv.Error, TypeError):
            raise Misconfigured(
                f"--out: {self.path} is there and is no table of scores; name another file"
            ) from None

    def replace(self, rows: Sequence[Row]) -> None:
        """Replace the file by one with these rows; raise Permanent if it cannot be written."""
        try:
            with atomic_file(self.path, mode=0o666 & ~_umask()) as file:
                self._save(Path(file.name), rows)
        except OSError as error:
            raise Permanent(f"{self.path} cannot be written: {error.strerror}") from None

    @abstractmethod
    def _load(self) -> list[dict[str, Any]]: ...

    @abstractmethod
    def _save(self, path: Path, rows: Sequence[Row]) -> None: ...


def open_table(path: Path) -> Table:
    """Return the table at a path, its format by the suffix; raise Misconfigured for another."""
    if path.is_dir():
        raise Misconfigured(f"--out: {path} is a folder; name a file, such as {path}/scores.csv")
    match path.suffix.lower():
        case ".csv":
            return _Csv(path)
        case ".parquet":
            return _Parquet(path)
        case other:
            raise Misconfigured(f"--out: {other or 'no suffix'}: name a .csv or a .parquet file")


class _Csv(Table):
    def _load(self) -> list[dict[str, Any]]:
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError
            return rows

    def _save(self, path: Path, rows: Sequence[Row]) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in rows:
                writer.writerow([_text(cell) for cell in row.cells().values()])


class _Parquet(Table):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            import pyarrow.parquet
        except ImportError:
            raise Misconfigured(
                "--out: a .parquet file needs pyarrow; pip install 'osteoscreen[parquet]', or "
                "name a .csv file"
            ) from None
        self._arrow = pyarrow

    def _load(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._arrow.parquet.read_table(self.path).to_pylist()
        return rows

    def _save(self, path: Path, rows: Sequence[Row]) -> None:
        arrow = self._arrow
        types = {name: arrow.float64() for name in NUMBERS} | {
            name: arrow.bool_() for name in FLAGS
        }
        schema = arrow.schema([(name, types.get(name, arrow.string())) for name in COLUMNS])
        cells = [
            {name: None if cell == "" else cell for name, cell in row.cells().items()}
            for row in rows
        ]
        arrow.parquet.write_table(arrow.Table.from_pylist(cells, schema), path)


def _text(cell: Cell) -> str:
    """Return a cell for CSV; a number in the fewest digits that read back as the same."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(cell) if isinstance(cell, float) else str(cell)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
