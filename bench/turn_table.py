"""The pauses that the weights were fitted on and judged with, as the detectors heard them.

The sound itself is not here: it is too much for a repository. `name` and `speaker` say what it was,
docs/turn-taking.md where it is from.
"""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from bench.turn_pauses import PausePoint

TABLE = Path(__file__).with_suffix(".tsv")
_TRUE = "yes"


def kept() -> list[PausePoint]:
    """Those in the repository."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [_point(row) for row in csv.DictReader(lines, delimiter="\t")]


def keep(points: Sequence[PausePoint], file: Path = TABLE) -> None:
    names = [field.name for field in fields(PausePoint)]
    with file.open("w", encoding="utf-8", newline="") as lines:
        table = csv.DictWriter(lines, names, delimiter="\t", lineterminator="\n")
        table.writeheader()
        for point in points:
            table.writerow({name: _cell(value) for name, value in asdict(point).items()})


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return _TRUE if value else ""
    return round(value, 4) if isinstance(value, float) else value


def _point(row: dict[str, str]) -> PausePoint:
    return PausePoint(
        name=row["name"],
        speaker=row["speaker"],
        split="fit" if row["split"] == "fit" else "held_out",
        ends=row["ends"] == _TRUE,
        sound=float(row["sound"]),
        last=float(row["last"]),
        last_by_framework=float(row["last_by_framework"]),
        text=row["text"],
        asked=row["asked"] == _TRUE,
        detector_lag_s=float(row["detector_lag_s"]),
        synthetic=row["synthetic"] == _TRUE,
        recognizer=row["recognizer"],
    )
