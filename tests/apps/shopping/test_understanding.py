"""What rules read in a request; the reported half of the requests is for the benchmark alone."""

import pytest

from apps.shopping.catalog import made_up
from apps.shopping.catalog.offer import broken
from apps.shopping.flow.questions import is_new_wish, question_for, refines
from apps.shopping.requirement import Attributes, RequirementSpec
from apps.shopping.understanding.number_words import with_digits
from apps.shopping.understanding.rules import spec_from
from bench.shopping_check import disobeyed, shopping_requests

OFFERS = [offer for market in made_up.MARKETPLACES for offer in made_up.offers(market)]


@pytest.mark.parametrize("request_", shopping_requests("tuning"), ids=lambda r: r.text[:40])
def test_what_is_found_obeys_every_stated_constraint(request_: object) -> None:
    assert isinstance(request_, type(shopping_requests("tuning")[0]))
    spec = spec_from(request_.text)
    found = [offer for offer in OFFERS if not broken(spec, offer)]
    assert found
    assert {w for o in found for w in disobeyed(o.model_dump(), request_.expected)} == set()


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("nine hundred and ninety nine", "999"),
        ("a thousand dollars", "1000 dollars"),
        ("twelve ninety nine", "1299"),
        ("three fifty", "350"),
        ("one hundred twenty", "120"),
        ("two thousand five hundred", "2500"),
        ("nine and a half", "9.5"),
        ("between nine hundred and twelve hundred", "between 900 and 1200"),
        ("two blue and three red", "2 blue and 3 red"),
        ("$1,299.50", "$1299.50"),
        ("1.5k", "1500"),
        ("a 4k tv", "a 4k tv"),
        ("twenty-seven inch", "27 inch"),
        ("someone", "someone"),
    ],
)
def test_spoken_numbers_become_digits(spoken: str, written: str) -> None:
    assert with_digits(spoken) == written


def test_a_total_is_for_all_pieces() -> None:
    spec = spec_from("2 blenders for $200 in total")
    assert spec.price_range == (None, 100.0)


def test_a_refinement_keeps_what_it_does_not_change() -> None:
    first = spec_from("red Nike running shoes size 9 under $100")
    then = first.refined(spec_from("not Nike, in blue, up to 150 dollars"))
    assert then.category == "running shoes" and then.budget_max == 150
    assert then.brands == () and then.brands_unwanted == ("Nike",)
    assert then.attributes == Attributes(colors=("blue",), sizes=("9",))


def test_no_question_is_asked_twice_and_no_more_than_two() -> None:
    nothing = RequirementSpec()
    first = question_for(nothing, 0, "")
    assert first is not None and first.field == "category"
    assert question_for(nothing, 1, "category") is None
    shoes = RequirementSpec(category="running shoes")
    second = question_for(shoes, 1, "category")
    assert second is not None and second.field == "size"
    assert question_for(shoes, 2, "size") is None
    assert question_for(RequirementSpec(category="laptop", budget_max=500), 0, "") is None


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("size 9", False),
        ("any", False),
        ("running shoes in nine", False),
        ("actually I want something else", True),
        ("forget it", True),
        ("a blender", True),
    ],
)
def test_an_answer_is_told_from_a_new_wish(text: str, new: bool) -> None:
    assert is_new_wish(text, RequirementSpec(category="running shoes"), "size") is new


def test_a_wish_without_a_word_of_the_one_before_is_another() -> None:
    laptop = RequirementSpec(category="laptop", budget_max=900)
    assert refines("in silver, please", laptop)
    assert not refines("a blender", laptop)
    assert not refines("something for my mother", laptop)
