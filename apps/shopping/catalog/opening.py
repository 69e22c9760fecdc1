"""The catalogues of the settings: a service, what was imported, or those made up at first use."""

import asyncio
import re
from pathlib import Path

import httpx2

from apps.shopping.catalog import made_up
from apps.shopping.catalog.marketplaces import Marketplaces
from apps.shopping.catalog.offer import Catalog
from apps.shopping.catalog.remote import RemoteCatalog
from apps.shopping.catalog.sqlite import SqliteCatalog, build, version_of
from parley import paths

IMPORTED = "imported"
"""The version of catalogues that a person has filled: they are never made anew."""
FOLDER = "shopping"
_NAME = "catalog-{slug}.db"


def catalog_file(marketplace: str) -> Path:
    """Where the catalogue of a marketplace is kept."""
    slug = re.sub(r"[^a-z0-9]+", "-", marketplace.lower()).strip("-") or "unnamed"
    return paths.state_dir() / FOLDER / _NAME.format(slug=slug)


async def open_marketplaces(service_url: str, http: httpx2.AsyncClient) -> Marketplaces:
    """`service_url`: a catalogue service, several with commas; empty: the catalogues here."""
    if service_url:
        remote = (RemoteCatalog(url.strip(), http) for url in service_url.split(","))
        return Marketplaces(tuple(remote))
    return Marketplaces(await asyncio.to_thread(_here))


def _here() -> tuple[Catalog, ...]:
    """What was imported; where nothing was, the made-up ones, made where they are missing."""
    folder = paths.state_dir() / FOLDER
    imported = [
        file for file in sorted(folder.glob("catalog-*.db")) if version_of(file) == IMPORTED
    ]
    if imported:
        return tuple(SqliteCatalog(_name_of(file), file) for file in imported)
    catalogs = []
    for marketplace in made_up.MARKETPLACES:
        file = catalog_file(marketplace.name)
        if version_of(file) != made_up.VERSION:
            build(file, made_up.offers(marketplace), version=made_up.VERSION)
        catalogs.append(SqliteCatalog(marketplace.name, file))
    return tuple(catalogs)


def _name_of(file: Path) -> str:
    slug = file.stem.removeprefix("catalog-")
    return slug.replace("-", " ").title()
