"""The nodes of the workflow: each does one thing, and writes what came of it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from apps.shopping.catalog.marketplaces import Marketplaces
from apps.shopping.catalog.offer import Offer, Search
from apps.shopping.composing import composed, ranking_of_service
from apps.shopping.faults import VALIDATION, ShoppingError, of_http
from apps.shopping.flow.questions import assumptions_of, question_for
from apps.shopping.flow.state import ShoppingState, WishStage
from apps.shopping.media.reading import MediaReader
from apps.shopping.ranking import SHOWN, promising, ranked
from apps.shopping.requirement import Attributes, RequirementSpec
from apps.shopping.storage.store import RequestItem, RequestStatus, RequestStore
from apps.shopping.understanding.builder import SpecBuilder
from parley import LanguageModel, Progress, Results, TextDelta

Update = dict[str, Any]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FlowContext:
    """Of one answer: who asks, and how they get it."""

    session_id: str
    model: LanguageModel | None = None
    spoken: bool = False
    on_node: Callable[[str], None] = lambda name: None
    """Is told of each node as it begins to work."""


@dataclass(frozen=True)
class Nodes:
    """What they stand on, in one process."""

    store: RequestStore
    markets: Marketplaces
    media: MediaReader
    builder: SpecBuilder
    http: httpx2.AsyncClient
    composer_url: str = ""

    async def parse_input(self, state: ShoppingState, runtime: Runtime[FlowContext]) -> Update:
        """Takes a wish in: what the one before has left is cleared, and the request is kept."""
        runtime.context.on_node("ParseInput")
        if not state["message"].strip() and not state["media"]:
            raise ShoppingError(VALIDATION, "Please say what you are looking for.")
        await self.note(
            state, runtime.context.session_id, RequestStatus.PROCESSING, WishStage.INITIAL
        )
        keeps = state.get("keeps", False)
        first = WishStage.MEDIA_PROCESSING if state["media"] else WishStage.REQUIREMENT_BUILDING
        return {
            "stage": first.value,
            "spec": state.get("spec", {}) if keeps else {},
            "words": state.get("words", "") if keeps else "",
            "questions": 0,
            "heard": "",
            "seen": {},
            "answer": "",
            "asked": "",
            "question": "",
            "suggestions": [],
            "assumptions": [],
            "offers": [],
            "total": 0,
            "away": [],
            "nearest": 0.0,
            "text": "",
        }

    async def transcribe_audio(self, state: ShoppingState, runtime: Runtime[FlowContext]) -> Update:
        """What is said in the recordings."""
        runtime.context.on_node("TranscribeAudio")
        get_stream_writer()(Progress("Listening to your recording.", step="transcribing"))
        texts = [
            await self.media.transcript(each["key"])
            for each in state["media"]
            if each["media_type"] == "audio"
        ]
        return {"heard": " ".join(text for text in texts if text)}

    async def extract_image_attrs(
        self, state: ShoppingState, runtime: Runtime[FlowContext]
    ) -> Update:
        """What the pictures show."""
        runtime.context.on_node("ExtractImageAttrs")
        get_stream_writer()(Progress("Looking at your picture.", step="looking"))
        seen: dict[str, Any] = {}
        for each in state["media"]:
            if each["media_type"] == "image":
                seen |= await self.media.attributes(each["key"])
        return {"seen": seen}

    async def build_requirement_spec(
        self, state: ShoppingState, runtime: Runtime[FlowContext]
    ) -> Update:
        """Reads the wish, or the answer to a question, and finds what is still to be asked."""
        runtime.context.on_node("BuildRequirementSpec")
        before = RequirementSpec.model_validate(state.get("spec", {}))
        asked, answer = state.get("asked", ""), state.get("answer", "")
        text = answer or " ".join(filter(None, (state["message"], state.get("heard", ""))))
        get_stream_writer()(Progress("Understanding what you need.", step="understanding"))
        built = await self.builder.build(
            text,
            model=runtime.context.model,
            asked=asked if answer else "",
            category=before.category,
        )
        found = _with_seen(built.spec, state.get("seen", {}))
        spec = before.freed(built.freed).refined(found)
        questions = state.get("questions", 0)
        question = question_for(spec, questions, asked, self.builder.vocabulary)
        assumed = []
        if question is None and questions:
            assumed = assumptions_of(spec, self.builder.vocabulary)
        return {
            "spec": spec.model_dump(mode="json"),
            "by": built.by,
            "words": f"{state.get('words', '')} {text}".strip()[-500:],
            "answer": "",
            "questions": questions + (question is not None),
            "asked": question.field if question else "",
            "question": question.text if question else "",
            "suggestions": list(question.suggestions) if question else [],
            "assumptions": assumed,
            "stage": (WishStage.CLARIFICATION if question else WishStage.SEARCHING).value,
        }

    async def ask_clarifying_q(self, state: ShoppingState, runtime: Runtime[FlowContext]) -> Update:
        """Waits for the answer, and does nothing else: on resume it runs again from its top."""
        answer = interrupt({"question": state["question"], "suggestions": state["suggestions"]})
        runtime.context.on_node("AskClarifyingQ")
        return {"answer": str(answer), "stage": WishStage.REQUIREMENT_BUILDING.value}

    async def search_marketplaces(
        self, state: ShoppingState, runtime: Runtime[FlowContext]
    ) -> Update:
        """Asks all catalogues at once."""
        runtime.context.on_node("SearchMarketplaces")
        names = " and ".join(self.markets.names)
        get_stream_writer()(Progress(f"Searching {names}.", step="searching"))
        spec = RequirementSpec.model_validate(state["spec"])
        words = spec.use or ("" if spec.category else state.get("words", ""))
        found = await self.markets.search(Search(spec, words))
        nearest = 0.0
        if not found.offers and spec.budget_max is not None:
            free = spec.model_copy(update={"budget_max": None, "budget_min": None})
            others = await self.markets.search(Search(free, words))
            nearest = min((offer.price for offer in others.offers), default=0.0)
        if found.away:
            away = " and ".join(found.away)
            get_stream_writer()(
                Progress(f"{away} cannot be reached; going on without.", step="searching")
            )
        return {
            "offers": [offer.model_dump(mode="json") for offer in promising(found.offers, spec)],
            "total": found.total,
            "away": list(found.away),
            "nearest": nearest,
            "stage": WishStage.RANKING.value,
        }

    async def rank_and_compose(self, state: ShoppingState, runtime: Runtime[FlowContext]) -> Update:
        """Orders the offers, shows them, and says what they are."""
        runtime.context.on_node("RankAndCompose")
        write = get_stream_writer()
        shown = await self._ranked(state)
        write(Results(shown, total=state["total"], asked=state["spec"]))
        text = ""
        async for piece in composed(
            state,
            shown,
            model=runtime.context.model,
            spoken=runtime.context.spoken,
            url=self.composer_url,
            http=self.http,
        ):
            text += piece
            write(TextDelta(piece))
        return {"text": text, "offers": [dict(offer) for offer in shown]}

    async def done(self, state: ShoppingState, runtime: Runtime[FlowContext]) -> Update:
        """The request is kept as completed."""
        runtime.context.on_node("Done")
        await self.note(
            state, runtime.context.session_id, RequestStatus.COMPLETED, WishStage.COMPLETED
        )
        return {"stage": WishStage.COMPLETED.value}

    async def note(
        self, state: ShoppingState, session_id: str, status: RequestStatus, stage: WishStage
    ) -> None:
        """Keeps how far the request is."""
        await self.store.put(
            RequestItem(
                session_id=session_id,
                request_id=state["request_id"],
                request_type="shopping",
                user_id=state["user_id"],
                status=status,
                input_data={"message": state["message"], "media": list(state["media"])},
                workflow_state={
                    "stage": stage.value,
                    "requirement_spec": state.get("spec", {}),
                    "question": state.get("question", ""),
                    "total_count": state.get("total", 0),
                },
                created_at=state["created_at"],
            )
        )

    async def _ranked(self, state: ShoppingState) -> list[Mapping[str, Any]]:
        spec = RequirementSpec.model_validate(state["spec"])
        offers = [Offer.model_validate(offer) for offer in state["offers"]]
        shown: list[Mapping[str, Any]] = [each.shown() for each in ranked(offers, spec)[:SHOWN]]
        if self.composer_url and shown:
            try:
                shown = await ranking_of_service(
                    state["spec"], shown, url=self.composer_url, http=self.http
                )
            except (httpx2.HTTPError, ValueError, AttributeError) as error:
                why = of_http(error, "The ranker") if isinstance(error, httpx2.HTTPError) else error
                _log.warning("rules rank the offers: %s", why)
        return shown


def _with_seen(spec: RequirementSpec, seen: Mapping[str, Any]) -> RequirementSpec:
    """What a picture shows counts where words say nothing."""
    if not seen:
        return spec
    shown = RequirementSpec(
        category=str(seen.get("category", "")),
        brands=tuple(filter(None, (str(seen.get("brand", "")),))),
        attributes=Attributes(colors=tuple(seen.get("colors", ()))),
    )
    return shown.refined(spec)
