"""What is said of the results: by the model, by a service, or by rules; to be read or heard."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx2
from pydantic import JsonValue

from apps.shopping.faults import of_http
from apps.shopping.flow.state import ShoppingState
from apps.shopping.ranking import money
from apps.shopping.requirement import RequirementSpec
from parley import LanguageModel, LanguageModelError

SPOKEN = 3
"""Offers that are read out; the rest is on the page."""
WITHIN_S = 10.0
_ORDER = ("The first", "The second", "And the third")
_INSTRUCTIONS = (
    "You are a shop assistant. In two or three short sentences, tell the shopper about the offers "
    "that are listed as JSON, best first: name the best one with its price and why it fits. "
    "Use only what the list says. If assumptions are listed, say them. No lists, no markdown."
)

_log = logging.getLogger(__name__)
Shown = Sequence[Mapping[str, Any]]


async def composed(
    state: ShoppingState,
    shown: Shown,
    *,
    model: LanguageModel | None,
    spoken: bool,
    url: str,
    http: httpx2.AsyncClient,
) -> AsyncGenerator[str]:
    """The answer, piece by piece, as it is made. What fails before its first piece is replaced by
    the rules'."""
    said = False
    try:
        source = _source(state, shown, model=model, spoken=spoken, url=url, http=http)
        if source is not None:
            async with aclosing(source) as pieces:
                async for piece in pieces:
                    said = said or bool(piece.strip())
                    yield piece
    except (LanguageModelError, httpx2.HTTPError) as error:
        fault = of_http(error, "The composer") if isinstance(error, httpx2.HTTPError) else error
        _log.warning("rules compose the answer: %s", fault)
    if not said:
        for sentence in by_rules(state, shown, spoken=spoken):
            yield sentence


def _source(
    state: ShoppingState,
    shown: Shown,
    *,
    model: LanguageModel | None,
    spoken: bool,
    url: str,
    http: httpx2.AsyncClient,
) -> AsyncGenerator[str] | None:
    """Who writes it, but for the rules. What is heard is short and by rules: a list of three."""
    if url:
        return _by_service(state, shown, spoken=spoken, url=url, http=http)
    if model is not None and model.fills_forms and shown and not spoken:
        return model.write(_INSTRUCTIONS, _listed(state, shown))
    return None


async def _by_service(
    state: ShoppingState, shown: Shown, *, spoken: bool, url: str, http: httpx2.AsyncClient
) -> AsyncGenerator[str]:
    """`POST /compose` answers {"text": …}, or text/plain as it is written."""
    asked = {
        "requirement_spec": state.get("spec", {}),
        "products": list(shown),
        "total_count": state.get("total", 0),
        "assumptions": state.get("assumptions", []),
        "spoken": spoken,
    }
    address = f"{url.rstrip('/')}/compose"
    async with http.stream("POST", address, json=asked, timeout=WITHIN_S) as response:
        response.raise_for_status()
        if response.headers.get("content-type", "").startswith("application/json"):
            yield str(json.loads(await response.aread()).get("text", ""))
        else:
            async for piece in response.aiter_text():
                yield piece


async def ranking_of_service(
    spec: Mapping[str, JsonValue], shown: Shown, *, url: str, http: httpx2.AsyncClient
) -> list[Mapping[str, Any]]:
    """`POST /rank` answers {"products": [id, …]}: those first, the others behind as they were.
    Raises httpx2.HTTPError."""
    asked = {"requirement_spec": dict(spec), "products": list(shown)}
    response = await http.post(f"{url.rstrip('/')}/rank", json=asked, timeout=WITHIN_S)
    response.raise_for_status()
    order = [str(each) for each in response.json().get("products", ())]
    places = {offer_id: place for place, offer_id in enumerate(order)}
    return sorted(shown, key=lambda offer: places.get(str(offer["id"]), len(places)))


def by_rules(state: ShoppingState, shown: Shown, *, spoken: bool) -> list[str]:
    """The answer in sentences, each but the first with a space before it."""
    spec = RequirementSpec.model_validate(state.get("spec", {}))
    what = spec.category or "product"
    sentences = [_headline(state, shown, what)]
    if away := state.get("away"):
        sentences.append(f"{' and '.join(away)} cannot be reached, so this is without them.")
    if shown and spoken:
        sentences += [
            f"{_ORDER[place]}, {_spoken(offer)}." for place, offer in enumerate(shown[:SPOKEN])
        ]
        if len(shown) > SPOKEN:
            sentences.append("The full list is on your page.")
    elif shown:
        best = shown[0]
        reasons = ", ".join(best["reasons"][:2])
        sentences.append(f"The best is the {best['title']} for {_price(best)}: {reasons}.")
    if assumed := state.get("assumptions"):
        sentences.append(f"I assumed {' and '.join(assumed)}.")
    return [sentence if not place else f" {sentence}" for place, sentence in enumerate(sentences)]


def _headline(state: ShoppingState, shown: Shown, what: str) -> str:
    if shown:
        total = state.get("total", len(shown))
        return f"I found {total} {what} offer{'s' if total != 1 else ''} that fit."
    if nearest := state.get("nearest"):
        currency = str(state.get("spec", {}).get("currency", "USD"))
        return (
            f"Nothing fits all of that. Without the budget, the cheapest {what} is "
            f"{money(nearest, currency)}."
        )
    return f"I found no {what} that fits all of that. Shall I drop one of your conditions?"


def _spoken(offer: Mapping[str, Any]) -> str:
    title = str(offer["title"]).split(",")[0]
    return f"the {title} at {offer['marketplace']} for {_price(offer)}"


def _price(offer: Mapping[str, Any]) -> str:
    return money(float(offer["price"]), str(offer["currency"]))


def _listed(state: ShoppingState, shown: Shown) -> str:
    names = ("title", "price", "currency", "marketplace", "rating", "reasons")
    best = [{name: offer[name] for name in names} for offer in shown[:5]]
    told = {
        "wish": state.get("words", ""),
        "offers": best,
        "total": state.get("total", 0),
        "assumptions": state.get("assumptions", []),
        "unreachable": state.get("away", []),
    }
    return json.dumps(told, ensure_ascii=False)
