"""Whether results obey what a request has stated: judged by labels that no rule has seen."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.shopping.catalog import made_up
from apps.shopping.catalog.offer import broken
from apps.shopping.requirement import RequirementSpec

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
    """Of a half: "tuning" or "tuning-2", which rules may be written by, "reported" or "reported-2",
    which they may not."""
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
        "currency": product["currency"] == expected.get("currency", "USD"),
    }
    return [name for name, ok in kept.items() if not ok]


@dataclass(frozen=True)
class SpecVerdict:
    """Of one requirement, held against all offers of the made-up catalogues."""

    dropped: Sequence[str]
    """Constraints of the request that it does not have, as far as any offer shows it: worse than
    no result."""
    finds_nothing: bool
    """Though there are offers that obey the request."""
    left_out: float
    """Share of the offers that obey the request which it does not find."""


class Shelf:
    """All offers of the made-up catalogues."""

    def __init__(self) -> None:
        self._offers = [offer for each in made_up.MARKETPLACES for offer in made_up.offers(each)]
        self._shown = [offer.model_dump() for offer in self._offers]

    def verdict(self, spec: RequirementSpec, expected: Mapping[str, Any]) -> SpecVerdict:
        found = [not broken(spec, offer) for offer in self._offers]
        wrong = [disobeyed(shown, expected) for shown in self._shown]
        dropped = {
            name for is_found, names in zip(found, wrong, strict=True) if is_found for name in names
        }
        obeying = [is_found for is_found, names in zip(found, wrong, strict=True) if not names]
        left_out = 1 - sum(obeying) / len(obeying) if obeying else 0.0
        return SpecVerdict(sorted(dropped), bool(obeying) and not any(found), round(left_out, 3))


def _lower(values: Sequence[str]) -> set[str]:
    return {value.lower() for value in values}
