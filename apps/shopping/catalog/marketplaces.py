"""Several catalogues, searched at once: one that is down costs its own offers only."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from apps.shopping.catalog.offer import Catalog, FoundOffers, Offer, Search, broken
from apps.shopping.faults import TIMEOUT, ShoppingError
from apps.shopping.understanding.vocabulary import BUILT_IN, ShopWords

WITHIN_S = 6.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchedMarkets:
    """What was found in all of them; `away`: the names of those that did not answer."""

    offers: Sequence[Offer]
    total: int
    away: Sequence[str] = ()


class Marketplaces:
    """Of one process; `catalogs` are closed with it."""

    def __init__(self, catalogs: Sequence[Catalog]) -> None:
        self.catalogs = tuple(catalogs)

    @property
    def names(self) -> Sequence[str]:
        return tuple(catalog.name for catalog in self.catalogs)

    async def search(self, search: Search) -> SearchedMarkets:
        """Offers that obey to the letter, whatever a catalogue makes of the constraints; of the
        same article in several marketplaces each offer. Raises ShoppingError where none of them
        answers."""
        answers = await asyncio.gather(*(self._ask(each, search) for each in self.catalogs))
        found = [answer for answer in answers if isinstance(answer, FoundOffers)]
        failed = [answer for answer in answers if isinstance(answer, ShoppingError)]
        if failed and not found:
            raise failed[0]
        away = [
            catalog.name
            for catalog, answer in zip(self.catalogs, answers, strict=True)
            if isinstance(answer, ShoppingError)
        ]
        offers = [o for each in found for o in each.offers if not broken(search.spec, o)]
        refused = sum(len(each.offers) for each in found) - len(offers)
        total = sum(max(each.total, len(each.offers)) for each in found) - refused
        return SearchedMarkets(offers, total, away)

    async def vocabulary(self) -> ShopWords:
        """What people call things, and what the catalogues do."""
        told = BUILT_IN
        for catalog in self.catalogs:
            try:
                told = told.with_goods(await catalog.kinds())
            except ShoppingError as error:
                _log.warning("%s: its words are not known: %s", catalog.name, error.message)
        return told

    async def health(self) -> dict[str, str]:
        """Of each: what it is, or "unavailable"."""

        async def look(catalog: Catalog) -> str:
            try:
                return await catalog.check()
            except ShoppingError as error:
                return f"unavailable: {error.message}"

        told = await asyncio.gather(*map(look, self.catalogs))
        return dict(zip(self.names, told, strict=True))

    async def aclose(self) -> None:
        for catalog in self.catalogs:
            await catalog.aclose()

    async def _ask(self, catalog: Catalog, search: Search) -> FoundOffers | ShoppingError:
        try:
            async with asyncio.timeout(WITHIN_S):
                return await catalog.search(search)
        except TimeoutError:
            return ShoppingError(TIMEOUT, f"{catalog.name} did not answer in time.")
        except ShoppingError as error:
            return error
