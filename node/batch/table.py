"""The table of scores as a CSV or Parquet file: read it, or replace it in one step."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from node.batch.row import COLUMNS, FLAGS, NUMBERS, Cell, ScoreRow
from node.domain.errors import Misconfigured, Permanent
from node.files import atomic_file


class ScoreTable(ABC):
    """A file of rows; an unknown value is an empty cell in CSV and null in Parquet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[ScoreRow]:
        """Return the rows of an earlier run; raise Misconfigured for a file without such rows."""
        if not self.path.exists():
            return []
        try:
            return [ScoreRow.of_cells(cells) for cells in self._load()]
        except OSError as error:
            raise Misconfigured(f"--out: {self.path}: {error.strerror}") from None
        except (ValueError, csv.Error, TypeError):
            raise Misconfigured(
                f"--out: {self.path} exists and is not a table of scores; name another file"
            ) from None

    def replace(self, rows: Sequence[ScoreRow]) -> None:
        """Replace the file with a file of these rows; raise Permanent if writing fails."""
        try:
            with atomic_file(self.path) as file:
                self._save(Path(file.name), rows)
        except OSError as error:
            raise Permanent(f"{self.path} cannot be written: {error.strerror}") from None

    @abstractmethod
    def _load(self) -> list[dict[str, Any]]: ...

    @abstractmethod
    def _save(self, path: Path, rows: Sequence[ScoreRow]) -> None: ...


def open_table(path: Path) -> ScoreTable:
    """Return the table in the format of the suffix; raise Misconfigured for an unknown suffix."""
    if path.is_dir():
        raise Misconfigured(f"--out: {path} is a folder; name a file, such as {path}/scores.csv")
    match path.suffix.lower():
        case ".csv":
            return _CsvTable(path)
        case ".parquet":
            return _ParquetTable(path)
        case suffix:
            raise Misconfigured(f"--out: {suffix or 'no suffix'}: name a .csv or a .parquet file")


class _CsvTable(ScoreTable):
    def _load(self) -> list[dict[str, Any]]:
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError
            return rows

    def _save(self, path: Path, rows: Sequence[ScoreRow]) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in rows:
                writer.writerow([_csv_value(cell) for cell in asdict(row).values()])


class _ParquetTable(ScoreTable):
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

    def _save(self, path: Path, rows: Sequence[ScoreRow]) -> None:
        arrow = self._arrow
        types = {name: arrow.float64() for name in NUMBERS} | {
            name: arrow.bool_() for name in FLAGS
        }
        schema = arrow.schema([(name, types.get(name, arrow.string())) for name in COLUMNS])
        cells = [
            {name: None if cell == "" else cell for name, cell in asdict(row).items()}
            for row in rows
        ]
        arrow.parquet.write_table(arrow.Table.from_pylist(cells, schema), path)


def _csv_value(cell: Cell) -> Cell:
    """Return a cell for the CSV writer, which writes numbers with all digits, and None as ""."""
    return str(cell).lower() if isinstance(cell, bool) else cell
