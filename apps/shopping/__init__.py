"""The shopping assistant: finds products in two catalogues, by text and by voice."""

from typing import TYPE_CHECKING

from apps.shopping.lazy_service import LazyService
from parley import Agent, Session

if TYPE_CHECKING:
    from apps.shopping.engine import ShoppingEngine

GREETING = "Hi, I can find things to buy for you. What are you looking for?"
QUESTIONS = ("I need a laptop under 1000 dollars, not HP.", "Blue running shoes, please.")

shop = LazyService()


def engine_of(session: Session) -> "ShoppingEngine":
    """The engine of a session; it needs the extra `shopping`."""
    from apps.shopping.engine import ShoppingEngine  # noqa: PLC0415 - loads LangGraph

    return ShoppingEngine(session, shop.loaded)


agent = Agent(
    name="shopping", engine=engine_of, service=shop, greeting=GREETING, questions=QUESTIONS
)
