"""Whether results obey what a request has stated: judged by labels that no rule has seen."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("shopping_requests.tsv")
ABOUT = 0.2
"""How far from a price that is "around" something a result may be."""


@dataclass(frozen=True)
class ShoppingRequest:
    """`expected`: the constraints that its words state."""

    half: str
    form: str
    text: str
    expected: Mapping[str, Any]


def shopping_requests(half: str) -> list[ShoppingRequest]:
    """Of the half "tuning", which rules may be written by, or "reported", which they may not."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        ShoppingRequest(row["half"], row["form"], row["request"], json.loads(row["expected"]))
        for row in rows
        if row["half"] == half
    ]


def disobeyed(product: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """The constraints that a product does not obey, by name."""
    price, pieces = float(product["price"]), int(expected.get("quantity", 1))
    brand, color = str(product["brand"]).lower(), str(product["color"]).lower()
    sizes = {str(size).lower() for size in product["sizes"]}
    features = {str(feature).lower() for feature in product["features"]}
    low, high = expected.get("about", 0) * (1 - ABOUT), expected.get("about", 0) * (1 + ABOUT)
    kept = {
        "category": product["category"] == expected["category"],
        "below": price < expected.get("below", float("inf")),
        "most": price <= expected.get("most", float("inf")),
        "above": price > expected.get("above", 0),
        "least": price >= expected.get("least", 0),
        "total": price * pieces <= expected.get("total", float("inf")),
        "about": "about" not in expected or low <= price <= high,
        "brands": "brands" not in expected or brand in _lower(expected["brands"]),
        "not_brands": brand not in _lower(expected.get("not_brands", ())),
        "colors": "colors" not in expected or color in _lower(expected["colors"]),
        "not_colors": color not in _lower(expected.get("not_colors", ())),
        "sizes": "sizes" not in expected or bool(sizes & _lower(expected["sizes"])),
        "features": _lower(expected.get("features", ())) <= features,
        "quantity": int(product["stock"]) >= pieces,
    }
    return [name for name, ok in kept.items() if not ok]


def _lower(values: Sequence[str]) -> set[str]:
    return {value.lower() for value in values}
