"""Which offers come first, and why: by how well they fit the requirement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from apps.shopping.catalog.offer import Offer
from apps.shopping.requirement import RequirementSpec

SHOWN = 20
"""Articles that a client gets."""
_GOOD_RATING = 4.3


@dataclass(frozen=True)
class RankedOffer:
    """The cheapest offer of an article, with why it is here."""

    offer: Offer
    score: float
    reasons: tuple[str, ...]
    elsewhere: tuple[Offer, ...] = ()
    """The same article in other marketplaces."""

    def shown(self) -> dict[str, JsonValue]:
        """As clients get it."""
        return {
            **self.offer.model_dump(mode="json"),
            "score": round(self.score, 3),
            "reasons": list(self.reasons),
            "also_at": [
                {"marketplace": other.marketplace, "price": other.price, "url": other.url}
                for other in self.elsewhere
            ],
        }


def ranked(offers: Sequence[Offer], spec: RequirementSpec) -> list[RankedOffer]:
    """Each article once, the best first; of two that fit alike, the cheaper."""
    articles: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        articles[offer.gtin or f"{offer.marketplace} {offer.id}"].append(offer)
    cheapest = min((offer.price for offer in offers), default=0.0)
    found = [
        _of_article(sorted(same, key=lambda offer: offer.price), spec, cheapest)
        for same in articles.values()
    ]
    return sorted(found, key=lambda each: (-each.score, each.offer.price, each.offer.id))


def promising(offers: Sequence[Offer], spec: RequirementSpec) -> list[Offer]:
    """Those that are worth keeping: all offers of the best articles, and the cheapest one."""
    first = ranked(offers, spec)[:SHOWN]
    best = [offer for each in first for offer in (each.offer, *each.elsewhere)]
    cheapest = sorted(offers, key=lambda offer: offer.price)[:1]
    return best + [offer for offer in cheapest if offer not in best]


def _of_article(same: list[Offer], spec: RequirementSpec, cheapest: float) -> RankedOffer:
    best, *others = same
    score, reasons = best.rating / 5, []
    _, high = spec.price_range
    if spec.use and spec.use.lower() in (use.lower() for use in best.uses):
        score += 0.6
        reasons.append(f"made for {spec.use}")
    if best.rating >= _GOOD_RATING:
        reasons.append(f"rated {best.rating:g} of 5")
    if high:
        left = high - best.price
        score += 0.3 * left / high
        if left >= 1:
            reasons.append(f"{money(left, best.currency)} below your limit")
    if best.price == cheapest:
        score += 0.1
        reasons.append("the cheapest that fits")
    if others:
        score += 0.05
        saves = others[-1].price - best.price
        if saves >= 1:
            reasons.append(
                f"{money(saves, best.currency)} cheaper than at {others[-1].marketplace}"
            )
    if not reasons:
        reasons.append("fits everything you asked for")
    return RankedOffer(best, score, tuple(reasons), tuple(others))


def money(amount: float, currency: str) -> str:
    """As people write it."""
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(currency, f"{currency} ")
    return f"{sign}{amount:,.2f}".removesuffix(".00")
