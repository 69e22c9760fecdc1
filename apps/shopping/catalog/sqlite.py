"""A catalogue in an SQLite file: constraints in SQL, words by full text."""

import asyncio
import re
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import aiosqlite

from apps.shopping.catalog.offer import FoundOffers, Offer, Search
from apps.shopping.faults import UNAVAILABLE, ShoppingError
from apps.shopping.requirement import RequirementSpec

_SCHEMA = """
CREATE TABLE about (version TEXT NOT NULL);
CREATE TABLE offers (
    id TEXT PRIMARY KEY, category TEXT NOT NULL, brand TEXT NOT NULL COLLATE NOCASE,
    price REAL NOT NULL, currency TEXT NOT NULL, color TEXT NOT NULL COLLATE NOCASE,
    sizes TEXT NOT NULL COLLATE NOCASE, features TEXT NOT NULL COLLATE NOCASE,
    stock INTEGER NOT NULL, rating REAL NOT NULL, offer TEXT NOT NULL);
CREATE INDEX by_category ON offers (category, price);
CREATE VIRTUAL TABLE texts USING fts5 (
    title, brand, category, words, content='', tokenize='porter unicode61');
"""
_WORD = re.compile(r"[a-z0-9]+")
_EMPTY_WORDS = frozenset(
    "a an the i me my we you it is are be of for with and or not no to in on at by from want need "
    "would like please some any one show find looking something under over than".split()
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


def _insert(database: sqlite3.Connection, offer: Offer) -> None:
    cursor = database.execute(
        "INSERT OR REPLACE INTO offers VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            offer.id,
            offer.category,
            offer.brand,
            offer.price,
            offer.currency,
            offer.color,
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


def _listed(values: Sequence[str]) -> str:
    return "".join(f"|{value}" for value in values) + "|"


class SqliteCatalog:
    """One marketplace's file, read only. `await open()` before it is asked."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self._file = file
        self._database: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()

    async def search(self, search: Search) -> FoundOffers:
        """See Catalog."""
        where, values = _conditions(search.spec)
        words = _match(search.words)
        if not search.spec.category and words:  # what is wanted is known by its words alone
            where.append("rowid IN (SELECT rowid FROM texts WHERE texts MATCH ?)")
            values.append(words)
        condition = " AND ".join(where) or "TRUE"
        rank = "0.0"
        ranked: list[str | float] = []
        if words:
            rank = (
                "COALESCE((SELECT bm25(texts) FROM texts WHERE texts MATCH ? "
                "AND texts.rowid = offers.rowid), 0.0)"
            )
            ranked = [words]
        count = f"SELECT COUNT(*) FROM offers WHERE {condition}"  # noqa: S608 - no value in it
        query = (
            f"SELECT offer FROM offers WHERE {condition} "  # noqa: S608
            f"ORDER BY {rank}, rating DESC, price LIMIT ?"
        )
        total = await self._rows(count, values)
        rows = await self._rows(query, [*values, *ranked, search.limit])
        return FoundOffers([Offer.model_validate_json(row[0]) for row in rows], int(total[0][0]))

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

    async def _rows(self, query: str, values: Sequence[str | float]) -> Sequence[Sequence[str]]:
        try:
            async with self._opening:
                if self._database is None:
                    self._database = await aiosqlite.connect(f"file:{self._file}?mode=ro", uri=True)
            async with self._database.execute(query, values) as cursor:
                return list(await cursor.fetchall())
        except sqlite3.Error as error:
            why = f"{self.name} cannot be searched right now."
            raise ShoppingError(UNAVAILABLE, why) from error


def _conditions(spec: RequirementSpec) -> tuple[list[str], list[str | float]]:
    """Every constraint as SQL, and the values in it."""
    where: list[str] = ["stock >= ?"]
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
    among("color", spec.attributes.colors)
    among("color", spec.attributes.colors_unwanted, negated=True)
    if spec.attributes.sizes:
        either = " OR ".join("instr(lower(sizes), lower(?)) > 0" for _ in spec.attributes.sizes)
        where.append(f"({either})")
        values.extend(f"|{size}|" for size in spec.attributes.sizes)
    for feature in spec.attributes.features:
        where.append("instr(lower(features), lower(?)) > 0")
        values.append(f"|{feature}|")
    return where, values


def _match(words: str) -> str:
    """A full-text query for any of the words; empty where none says anything."""
    found = dict.fromkeys(
        word for word in _WORD.findall(words.lower()) if word not in _EMPTY_WORDS and len(word) > 1
    )
    return " OR ".join(f'"{word}"' for word in list(found)[:12])
