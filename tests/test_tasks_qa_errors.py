"""A wrong answer is told from another wrong answer by rules that one can check by eye."""

import pytest

from unibert_lib import atlas
from unibert_lib.languages import ATLAS_LANGUAGES
from unibert_lib.tasks import qa_errors
from unibert_lib.tasks.records import Answer, Question
from unibert_lib.tasks.squad import read_squad

CONTEXT = "Chad has 1,280,000 square kilometres and Mali 1,240,000. The chief city of Chad is N'Djamena."


def asks(question, text, item):
    return Question(question, CONTEXT, (Answer(text, CONTEXT.index(text)),), "en", item)


CHAD = asks("What is the area of Chad?", "1,280,000 square kilometres", "a")
MALI = asks("What is the area of Mali?", "1,240,000", "b")
CITY = asks("Which city is the chief one?", "N'Djamena", "c")


@pytest.mark.parametrize(
    ("answered", "kind"),
    [
        ("1,280,000 square kilometres", "right"),
        ("  ", "empty"),
        ("1,240,000", "wrong country"),
        ("N'Djamena.", "wrong kind"),
        ("1,280,000 square kilometres and", "too long"),
        ("1,280,000", "too short"),
        ("has 1,280,000", "other"),
        ("chief city", "wrong kind"),
    ],
)
def test_each_kind_of_answer_to_one_question(answered, kind):
    assert qa_errors.kind_of_error(CHAD, answered, [MALI, CITY]) == kind


def test_a_figure_nobody_asked_for_is_of_the_wrong_kind_where_a_name_is_right():
    assert qa_errors.kind_of_error(CITY, "12", []) == "wrong kind"
    assert qa_errors.kind_of_error(CITY, "Chad", []) == "other"


def test_kinds_are_counted_and_no_question_is_its_own_rival():
    found = qa_errors.count_errors([CHAD, MALI, CITY], ["1,240,000", "1,240,000", ""])
    assert {kind: n for kind, n in found.items() if n} == {"wrong country": 1, "right": 1, "empty": 1}
    assert tuple(found) == qa_errors.KINDS


def test_the_wording_tells_which_questions_of_atlas_ask_the_same(tmp_path):
    atlas.write_tasks(tmp_path, tasks=["qa"], seed=0)
    for code in ATLAS_LANGUAGES:
        questions = read_squad(tmp_path / f"qa/test/test-context-{code}-question-{code}.json", split="test").records
        pairs = list(zip(questions[::2], questions[1::2], strict=True))
        same = [qa_errors.asks_the_same(one.question, other.question) for one, other in pairs]
        assert same == [place % 2 == 1 for place in range(len(pairs))], code  # every other context is about two
