"""Puts offers from a CSV or JSON Lines file into a catalogue:
`python -m apps.shopping.catalog.importing FILE --marketplace NAME`."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from apps.shopping.catalog.naming import category_name
from apps.shopping.catalog.offer import Offer
from apps.shopping.catalog.opening import IMPORTED, catalog_file
from apps.shopping.catalog.sqlite import build
from parley.errors import ParleyError
from parley.program import reported

_LISTS = ("sizes", "features", "uses")
_SEPARATOR = "|"


class ImportFileError(ParleyError):
    """A file with a line that is no offer; names file, line and field."""


def read_offers(file: Path, marketplace: str) -> Iterator[Offer]:
    """The offers of a `.csv` (with a head line; lists separated by |) or `.jsonl` file.

    Raises ImportFileError.
    """
    rows = _of_csv(file) if file.suffix.lower() == ".csv" else _of_lines(file)
    for line, row in rows:
        try:
            offer = Offer.model_validate({**row, "marketplace": marketplace})
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(str(part) for part in problem["loc"])
            raise ImportFileError(f"{file}:{line}: {field}: {problem['msg'].lower()}") from None
        category = category_name(offer.category, offer.title)
        yield (
            offer if category == offer.category else offer.model_copy(update={"category": category})
        )


def _of_csv(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            given = {name: value for name, value in row.items() if name and value}
            for name in _LISTS:
                if name in given:
                    given[name] = [part.strip() for part in given[name].split(_SEPARATOR)]
            yield reader.line_num, given


def _of_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise ImportFileError(f"{file}:{number}: this is no JSON") from None
            if not isinstance(row, dict):
                raise ImportFileError(f"{file}:{number}: this is no JSON object")
            yield number, row


def main(arguments: list[str] | None = None) -> int:
    """0 once the catalogue holds what the file has."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.shopping.catalog.importing",
        description="Replaces what a marketplace offers by the offers of a CSV or JSON Lines file.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--marketplace", required=True, help="its name, as shoppers read it")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        raise ImportFileError(f"{options.file}: there is no such file")
    # All is read before anything is written: a wrong line leaves the catalogue as it was.
    offers = list(read_offers(options.file, options.marketplace))
    file = catalog_file(options.marketplace)
    count = build(file, offers, version=IMPORTED)
    print(f"{options.marketplace}: {count} offers in {file}")
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))
