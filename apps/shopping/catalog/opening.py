"""The catalogues of the settings: a service, what was imported, or those made up at first use."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import httpx2

from apps.shopping.catalog import made_up
from apps.shopping.catalog.best_buy import BestBuyCatalog
from apps.shopping.catalog.ebay import EbayCatalog
from apps.shopping.catalog.marketplaces import Marketplaces
from apps.shopping.catalog.offer import Catalog
from apps.shopping.catalog.remote import RemoteCatalog
from apps.shopping.catalog.sqlite import SqliteCatalog, build, offers_in, version_of
from apps.shopping.settings import ShoppingSettings
from parley import paths

IMPORTED = "imported-2"
"""The version of catalogues that a person has filled: they are never made anew."""
_IMPORTED_BEFORE = "imported"
"""The same without colors by name and vectors: is brought up to date."""
FOLDER = "shopping"
_NAME = "catalog-{slug}.db"


def catalog_file(marketplace: str) -> Path:
    """Where the catalogue of a marketplace is kept."""
    slug = re.sub(r"[^a-z0-9]+", "-", marketplace.lower()).strip("-") or "unnamed"
    return paths.state_dir() / FOLDER / _NAME.format(slug=slug)


async def open_marketplaces(
    service_url: str, http: httpx2.AsyncClient, public: Sequence[Catalog] = ()
) -> Marketplaces:
    """`service_url`: a catalogue service, several with commas; empty: the catalogues here.
    `public`: marketplaces that are searched too."""
    if service_url:
        remote = (RemoteCatalog(url.strip(), http) for url in service_url.split(","))
        return Marketplaces((*remote, *public))
    here = await asyncio.to_thread(_imported)
    if not here and not public:
        here = await asyncio.to_thread(_made_up)
    return Marketplaces((*here, *public))


def public_catalogs(settings: ShoppingSettings, http: httpx2.AsyncClient) -> tuple[Catalog, ...]:
    """The marketplaces whose keys are in the settings."""
    found: list[Catalog] = []
    if key := settings.bestbuy_api_key.get_secret_value():
        found.append(BestBuyCatalog(key, http))
    secret = settings.ebay_client_secret.get_secret_value()
    if settings.ebay_client_id and secret:
        found.append(EbayCatalog(settings.ebay_client_id, secret, http))
    return tuple(found)


def _imported() -> tuple[Catalog, ...]:
    """What a person has filled."""
    files = sorted((paths.state_dir() / FOLDER).glob("catalog-*.db"))
    for file in files:
        if version_of(file) == _IMPORTED_BEFORE:
            build(file, offers_in(file), version=IMPORTED)
    return tuple(
        SqliteCatalog(_name_of(file), file, own_words=True)
        for file in files
        if version_of(file) == IMPORTED
    )


def _made_up() -> tuple[Catalog, ...]:
    """Made where they are missing, or of another version."""
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
