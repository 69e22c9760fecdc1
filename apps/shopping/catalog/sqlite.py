"""A catalogue in an SQLite file: constraints in SQL, words by full text and vectors."""

import asyncio
import re
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import numpy as np
from numpy.typing import NDArray

from apps.shopping.catalog.goods import CLOTHING_SIZES, GoodsKind
from apps.shopping.catalog.naming import color_names
from apps.shopping.catalog.offer import FoundOffers, Offer, Search
from apps.shopping.catalog.vectors import LIKE, Vector, stacked, stored, vector_of
from apps.shopping.faults import UNAVAILABLE, ShoppingError
from apps.shopping.requirement import RequirementSpec

_SCHEMA = """
CREATE TABLE about (version TEXT NOT NULL);
CREATE TABLE offers (
    id TEXT PRIMARY KEY, category TEXT NOT NULL, brand TEXT NOT NULL COLLATE NOCASE,
    price REAL NOT NULL, currency TEXT NOT NULL, colors TEXT NOT NULL,
    sizes TEXT NOT NULL COLLATE NOCASE, features TEXT NOT NULL COLLATE NOCASE,
    stock INTEGER, rating REAL NOT NULL, offer TEXT NOT NULL);
CREATE INDEX by_category ON offers (category, price);
CREATE VIRTUAL TABLE texts USING fts5 (
    title, brand, category, words, content='', tokenize='porter unicode61');
CREATE TABLE vectors (rowid INTEGER PRIMARY KEY, vector BLOB NOT NULL);
"""
_RANKED_AT_MOST, _ALIKE_AT_MOST = 2000, 200
_FUSED = 60
_REMEMBERED_AT_MOST = 4000
_WORD = re.compile(r"[a-z0-9]+")
_EMPTY_WORDS = frozenset(
    "a an the i me my we you it is are be of for with and or not no to in on at by from want need "
    "would like please some any one show find looking something under over than dollars dollar "
    "bucks usd present gift thing things anything".split()
)


def build(file: Path, offers: Iterable[Offer], *, version: str) -> int:
    """Writes the catalogue anew, whole or not at all; how many offers it has."""
    file.parent.mkdir(parents=True, exist_ok=True)
    being_made = file.with_name(f"{file.name}.{secrets.token_hex(8)}.new")
    count = 0
    try:
        with closing(sqlite3.connect(being_made)) as database, database:
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO about VALUES (?)", (version,))
            for offer in offers:
                _insert(database, offer)
                count += 1
        being_made.replace(file)
    finally:
        being_made.unlink(missing_ok=True)
    return count


def version_of(file: Path) -> str:
    """Of the catalogue in the file; empty where there is none that can be read."""
    if not file.is_file():
        return ""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT version FROM about").fetchone()
    except sqlite3.Error:
        return ""
    return str(row[0]) if row else ""


def offers_in(file: Path) -> list[Offer]:
    """All that the catalogue in the file has. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT offer FROM offers").fetchall()
    return [Offer.model_validate_json(row[0]) for row in rows]


def _insert(database: sqlite3.Connection, offer: Offer) -> None:
    cursor = database.execute(
        "INSERT OR REPLACE INTO offers VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            offer.id,
            offer.category,
            offer.brand,
            offer.price,
            offer.currency,
            _listed(sorted(color_names(offer.color))),
            _listed(offer.sizes),
            _listed(offer.features),
            offer.stock,
            offer.rating,
            offer.model_dump_json(),
        ),
    )
    words = " ".join((offer.color, *offer.features, *offer.uses, offer.description))
    database.execute(
        "INSERT INTO texts (rowid, title, brand, category, words) VALUES (?,?,?,?,?)",
        (cursor.lastrowid, offer.title, offer.brand, offer.category, words),
    )
    vector = vector_of(" ".join((offer.title, offer.category, *offer.features, *offer.uses)))
    database.execute("INSERT INTO vectors VALUES (?,?)", (cursor.lastrowid, stored(vector)))


def _listed(values: Sequence[str]) -> str:
    return "".join(f"|{value}" for value in values) + "|"


class SqliteCatalog:
    """One marketplace's file, read only. `await open()` before it is asked."""

    def __init__(self, name: str, file: Path, *, own_words: bool = False) -> None:
        """`own_words`: what it calls its goods is learned from it."""
        self.name = name
        self._own_words = own_words
        self._file = file
        self._database: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._remembered: dict[int, Offer] = {}
        self._vectors: tuple[NDArray[np.int64], Vector] | None = None

    async def search(self, search: Search) -> FoundOffers:
        """See Catalog. Without a category the words say what is wanted: only offers that have one
        of them are found, or, where none has, those whose text is most alike."""
        where, values = _conditions(search.spec)
        places = await self._by_words(search.words)
        if not search.spec.category and _match(search.words):
            where.append(f"rowid IN ({', '.join(map(str, places)) or 'NULL'})")
        condition = " AND ".join(where)
        query = f"SELECT rowid FROM offers WHERE {condition} ORDER BY rating DESC, price"  # noqa: S608 - no value in it
        numbers = [int(row[0]) for row in await self._rows(query, values)]
        if places:
            numbers.sort(key=lambda number: places.get(number, len(places)))
        offers = await self._offers(numbers[: search.limit])
        return FoundOffers(offers, len(numbers))

    async def kinds(self) -> Sequence[GoodsKind]:
        """See Catalog."""
        if not self._own_words:
            return ()
        try:
            offers = await asyncio.to_thread(offers_in, self._file)
        except sqlite3.Error as error:
            raise ShoppingError(UNAVAILABLE, f"{self.name} cannot be read right now.") from error
        return kinds_of(offers)

    async def _offers(self, numbers: Sequence[int]) -> list[Offer]:
        """The offers of the rows. They are remembered: the file is only ever replaced as a whole,
        and the connection stays with the one that it has opened."""
        missing = ", ".join(str(number) for number in numbers if number not in self._remembered)
        found = {number: self._remembered.get(number) for number in numbers}
        if missing:
            query = f"SELECT rowid, offer FROM offers WHERE rowid IN ({missing})"  # noqa: S608 - numbers
            for row in await self._rows(query, []):
                found[int(row[0])] = Offer.model_validate_json(row[1])
            if len(self._remembered) > _REMEMBERED_AT_MOST:
                self._remembered.clear()
            self._remembered.update((n, offer) for n, offer in found.items() if offer is not None)
        return [offer for offer in found.values() if offer is not None]

    async def _by_words(self, words: str) -> dict[int, int]:
        """The rows that the words find, each with its place: the best has 0.

        Two orders, by full text and by vectors, are made one: 1 / (60 + place) of both, summed.
        """
        if not (match := _match(words)):
            return {}
        found = await self._rows(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts) LIMIT ?",
            [match, _RANKED_AT_MOST],
        )
        matched = [int(row[0]) for row in found]
        alike = await self._alike(" ".join(_said(words)))
        scores: dict[int, float] = dict.fromkeys(matched or alike, 0.0)
        for order in (matched, alike):
            for place, row in enumerate(order):
                if row in scores:
                    scores[row] += 1 / (_FUSED + place)
        ranked = sorted(scores, key=lambda row: -scores[row])
        return {row: place for place, row in enumerate(ranked)}

    async def _alike(self, words: str) -> list[int]:
        """The rows whose vector is like that of the words, the most alike first."""
        if self._vectors is None:
            rows = await self._rows("SELECT rowid, vector FROM vectors", [])
            numbers = np.array([int(row[0]) for row in rows], dtype=np.int64)
            self._vectors = numbers, stacked([bytes(row[1]) for row in rows])
        numbers, vectors = self._vectors
        likeness = vectors @ vector_of(words)
        order = np.argsort(-likeness, kind="stable")[:_ALIKE_AT_MOST]
        return [int(numbers[at]) for at in order if likeness[at] >= LIKE]

    async def product(self, offer_id: str) -> Offer | None:
        """See Catalog."""
        rows = await self._rows("SELECT offer FROM offers WHERE id = ?", [offer_id])
        return Offer.model_validate_json(rows[0][0]) if rows else None

    async def check(self) -> str:
        """See Catalog."""
        rows = await self._rows("SELECT COUNT(*) FROM offers", [])
        return f"{rows[0][0]} offers in SQLite"

    async def aclose(self) -> None:
        if self._database is not None:
            await self._database.close()
            self._database = None

    async def _rows(self, query: str, values: Sequence[str | float]) -> Sequence[Sequence[Any]]:
        try:
            async with self._opening:
                if self._database is None:
                    self._database = await aiosqlite.connect(f"file:{self._file}?mode=ro", uri=True)
            return list(await self._database.execute_fetchall(query, values))
        except sqlite3.Error as error:
            why = f"{self.name} cannot be searched right now."
            raise ShoppingError(UNAVAILABLE, why) from error


def _conditions(spec: RequirementSpec) -> tuple[list[str], list[str | float]]:
    """Every constraint as SQL, and the values in it."""
    where: list[str] = ["(stock IS NULL OR stock >= ?)"]
    values: list[str | float] = [spec.quantity]

    def among(column: str, allowed: Sequence[str], *, negated: bool = False) -> None:
        if allowed:
            marks = ", ".join("?" * len(allowed))
            where.append(f"{column} {'NOT ' if negated else ''}IN ({marks})")
            values.extend(allowed)

    low, high = spec.price_range
    for bound, sign in ((low, ">="), (high, "<=")):
        if bound is not None:
            where.append(f"price {sign} ? AND currency = ?")
            values.extend((bound, spec.currency))
    if spec.category:
        where.append("category = ?")
        values.append(spec.category)
    among("brand", spec.brands)
    among("brand", spec.brands_unwanted, negated=True)
    wants = spec.attributes
    lists: tuple[tuple[str, Sequence[Sequence[str]]], ...] = (
        ("colors", (wants.colors,)),
        ("sizes", (wants.sizes,)),
        ("features", [(feature,) for feature in wants.features]),
    )
    for column, each in lists:
        for allowed in filter(None, each):
            either = " OR ".join(f"instr(lower({column}), lower(?)) > 0" for _ in allowed)
            where.append(f"({either})")
            values.extend(f"|{value}|" for value in allowed)
    refused = (("colors", wants.colors_unwanted), ("features", wants.features_unwanted))
    for column, unwanted in refused:
        for value in unwanted:
            where.append(f"instr(lower({column}), lower(?)) = 0")
            values.append(f"|{value}|")
    return where, values


def _said(words: str) -> list[str]:
    """The words that say something, each once."""
    found = _WORD.findall(words.lower())
    kept = (w for w in found if w not in _EMPTY_WORDS and len(w) > 1 and not w.isdigit())
    return list(dict.fromkeys(kept))[:12]


def _match(words: str) -> str:
    """A full-text query for any of the words; empty where none says anything."""
    return " OR ".join(f'"{word}"' for word in _said(words))


def kinds_of(offers: Iterable[Offer]) -> list[GoodsKind]:
    """The kinds of goods that offers are of, as they are called there."""
    by_category: dict[str, list[Offer]] = {}
    for offer in offers:
        by_category.setdefault(offer.category, []).append(offer)
    return [_kind(category, of_it) for category, of_it in by_category.items()]


def _kind(category: str, offers: Sequence[Offer]) -> GoodsKind:
    def each_once(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, values)))

    name = category.lower()
    sizes = each_once(size.upper() for offer in offers for size in offer.sizes)
    return GoodsKind(
        name=category,
        called=each_once((name, name.removesuffix("s"))),
        brands=each_once(offer.brand for offer in offers),
        lines=(),
        cheapest=int(min(offer.price for offer in offers)),
        dearest=int(max(offer.price for offer in offers)) + 1,
        colors=each_once(name for offer in offers for name in sorted(color_names(offer.color))),
        sizes=sizes,
        size_kind="clothing" if sizes and set(sizes) <= set(CLOTHING_SIZES) else "",
        features=each_once(feature for offer in offers for feature in offer.features),
        uses=each_once(use for offer in offers for use in offer.uses),
    )
