"""Reading SQuAD's JSON: answers that stand where they should, ids that do not name, and lines."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib import metrics
from unibert_lib.corpus.records import FormatError
from unibert_lib.tasks import squad
from unibert_lib.tasks.answers import score_of
from unibert_lib.tasks.records import Answer, Question, Unlabelled


def qa(question="Who?", text="Ada", start=0, id="1", **more):
    return {"question": question, "id": id, "answers": [{"text": text, "answer_start": start}], **more}


def write(folder, *paragraphs, name="xquad.en.json", indent=None, **more):
    """``paragraphs`` are pairs of context and questions."""
    document = {"data": [{"title": "t", "paragraphs": [{"context": c, "qas": qas} for c, qas in paragraphs]}], **more}
    path = folder / name
    path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    return path


def counted(path):
    """An independent walk: (id, context, question, answers)."""
    document = json.loads(path.read_bytes())
    return [
        (q["id"], p["context"], q["question"], [(a["text"], a["answer_start"]) for a in q["answers"]])
        for article in document["data"]
        for p in article["paragraphs"]
        for q in p["qas"]
    ]


GENUINE = {
    "mlqa_v1/dev/dev-context-en-question-en.json": ("en", 1148, 1148),
    "mlqa_v1/dev/dev-context-es-question-es.json": ("es", 500, 500),
    "xquad/xquad.en.json": ("en", 1190, 1190),
    "xquad/xquad.es.json": ("es", 1190, 1190),
    "xquad/xquad.de.json": ("de", 1190, 1190),
    "tydiqa_goldp_v1.1/tydiqa.goldp.en.train.json": ("en", 3696, 89),
    "tydiqa_goldp_v1.1/tydiqa.goldp.sw.train.json": ("sw", 2755, 74),
}


@pytest.mark.parametrize("name", GENUINE)
def test_every_genuine_question_is_read_and_every_answer_slices(shared, name):
    path = shared / "data" / "qa" / name
    language, questions, ids = GENUINE[name]
    data, walked = squad.read_squad(path), counted(path)
    assert len(data) == len(walked) == questions
    assert [(r.context, r.question, [(a.text, a.start) for a in r.answers]) for r in data] == [w[1:] for w in walked]
    assert data.counts["distinct_ids"] == len({w[0] for w in walked}) == ids
    assert data.counts["duplicate_ids"] == questions - ids
    assert data.counts["duplicate_questions"] == data.counts["unsliceable"] == data.counts["quarantined"] == 0
    assert all(r.context[a.start :].startswith(a.text) for r in data for a in r.answers)
    assert [r.key for r in data] == [(Path(name).name, n) for n in range(1, questions + 1)]
    assert len({r.item for r in data}) == questions and {r.language for r in data} == {language}


def test_items_are_parallel_in_the_genuine_xquad_and_mlqa(shared):
    folder = shared / "data" / "qa"
    xquad = [[r.item for r in squad.read_squad(folder / "xquad" / f"xquad.{lg}.json")] for lg in ("en", "es", "de")]
    assert xquad[0] == xquad[1] == xquad[2]
    en, es = (
        {r.item for r in squad.read_squad(folder / "mlqa_v1" / "dev" / f"dev-context-{lg}-question-{lg}.json")}
        for lg in ("en", "es")
    )
    assert es < en and len(es) == 500


def test_joined_contexts_leave_no_context_and_no_translation_on_two_sides(shared):
    folder = shared / "data" / "qa" / "mlqa_v1" / "dev"
    apart = [squad.read_squad(folder / f"dev-context-{lg}-question-{lg}.json") for lg in ("en", "es")]
    joined = squad.join_contexts(*apart)
    of_context, of_question = {}, {}
    for before, after in zip(apart, joined, strict=True):
        for old, new in zip(before, after, strict=True):
            of_context.setdefault(new.context, set()).add(new.item)
            of_question.setdefault(old.item, set()).add(new.item)
    assert {len(items) for items in of_context.values()} == {len(items) for items in of_question.values()} == {1}
    # 978 English contexts; three Spanish ones join two English contexts each.
    assert len({r.item for r in joined[0]}) == 978 - 3


def test_joining_links_questions_through_contexts_and_contexts_through_questions(tmp_path):
    en = write(tmp_path, ("Ada", [qa(id="b"), qa(id="a")]), ("Ada!", [qa(id="c")]), ("Ada?", [qa(id="d")]))
    es = write(tmp_path, ("Ada", [qa(id="c"), qa(id="a")]), name="xquad.es.json")
    joined = squad.join_contexts(squad.read_squad(en), squad.read_squad(es))
    assert [[r.item for r in part] for part in joined] == [["a", "a", "a", "d"], ["a", "a"]]


def test_the_genuine_cross_files_of_mlqa_name_both_languages(shared):
    folder = shared / "data" / "fixtures_hf" / "mlqa" / "MLQA_V1" / "dev"
    paths = sorted(folder.glob("*.json"))
    read = [squad.read_squad(path, split="dev") for path in paths]
    assert [data[0].language for data in read] == ["en-ar", "en-de", "en", "en-es", "en-hi", "en-vi", "en-zh"]
    assert {squad.context_language(data[0].language) for data in read} == {"en"}
    assert squad.context_language("zh-yue") == "zh-yue"


def test_an_answer_that_does_not_slice_is_never_found_again_elsewhere(tmp_path):
    context = "Then came Ada."
    path = write(tmp_path, (context, [qa(start=10, id="good"), qa(start=0, id="bad")]), indent=1)
    train, test = squad.read_squad(path), squad.read_squad(path, split="test")
    assert [r.item for r in train] == ["good"]
    (aside,) = train.quarantined
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if '"bad"' in text)
    assert (aside.path, aside.line) == (str(path), line) and line > 1
    assert aside.reason == "question 2: answer 'Ada' does not stand at 0, where the context reads 'The'"
    assert [r.answers for r in test] == [(Answer("Ada", 10),), (Answer("Ada", 0),)]
    assert test.flagged == train.quarantined and test.counts["unsliceable"] == 1


@pytest.mark.parametrize(
    ("question", "reason", "scored"),
    [
        (qa(text="Ada", start=12), "does not stand at 12", True),
        (qa(text="Ada", start=1_000), "where the context reads ''", True),
        (qa(text="Ada", start=-3), "no answer_start that is a number", True),
        (qa(text="Ada", start="10"), "no answer_start that is a number", True),
        (qa(text="", start=0), "an empty answer", True),
        (qa(question=" ", start=10), "empty question", True),
        (qa(question="\ud800?", start=10), "lone surrogate", True),
        (qa(start=10) | {"answers": []}, "no answer to score against", False),
        (qa(start=10) | {"answers": None}, "missing or of another type", False),
        (qa(start=10) | {"answers": [{"answer_start": 1}]}, "missing or of another type", False),
        (qa(start=10) | {"question": None}, "missing or of another type", False),
        ("not a question", "missing or of another type", False),
    ],
)
def test_a_bad_question_is_set_aside_in_training_and_kept_in_a_test_if_it_can_be_scored(
    tmp_path, question, reason, scored
):
    path = write(tmp_path, ("Then came Ada.", [qa(start=10, id="good"), question]))
    train, test = squad.read_squad(path), squad.read_squad(path, split="test")
    assert [q.reason for q in train.quarantined] == [q.reason for q in (test.flagged if scored else test.quarantined)]
    assert reason in train.quarantined[0].reason and train.quarantined[0].reason.startswith("question 2: ")
    assert len(train) == 1 and len(test) == 1 + scored
    for data in (train, test):
        assert data.counts["questions"] == 2 == data.counts["kept"] + data.counts["quarantined"]
        "".join(r.question + r.context for r in data).encode()


def test_repeated_ids_are_counted_and_never_merged(tmp_path):
    same = [qa(id="7"), qa(id="7"), qa(id="7", question="Which Ada?"), qa(id="8")]
    data = squad.read_squad(write(tmp_path, ("Ada", same)))
    assert len(data) == 4 and len({r.key for r in data}) == 4
    assert data.counts["duplicate_ids"] == 2 and data.counts["duplicate_questions"] == 1
    assert [r.item for r in data] == ["xquad.en.json:1", "xquad.en.json:2", "xquad.en.json:3", "8"]


def test_offsets_count_characters_beyond_the_first_plane_once(tmp_path):
    data = squad.read_squad(write(tmp_path, ("\U0001f600 Ada", [qa(start=2)])))
    assert len(data) == 1 and data[0].answers == (Answer("Ada", 2),)


def test_squad_v2_is_refused_at_its_first_impossible_question(tmp_path):
    path = write(tmp_path, ("Ada", [qa(), qa(id="2", is_impossible=True) | {"answers": []}]), indent=1)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if '"2"' in text)
    with pytest.raises(FormatError, match=r"question 2: SQuAD v2 .*Take SQuAD v1\.1") as caught:
        squad.read_squad(path)
    assert caught.value.line == line


@pytest.mark.parametrize("version", ["2020-06-01", "v2.0", "dev-v2.0", 2.0, 1.1, "1.0", None])
def test_a_version_alone_makes_no_squad_v2(tmp_path, version):
    assert len(squad.read_squad(write(tmp_path, ("Ada", [qa(is_impossible=False)]), version=version))) == 1


NOTHING = [{"answers": []}, {"answers": None}, {"is_impossible": True}, {"answers": {"text": [], "answer_start": []}}]
NOTHING += [
    {"answers": [{"text": text, "answer_start": start}]} for text, start in (("", 0), ("", -1), ("\u200b\n", 0))
]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
@pytest.mark.parametrize("change", NOTHING)
def test_a_file_published_without_answers_is_refused_with_the_remedy(tmp_path, change, split):
    path = write(tmp_path, ("Ada", [qa() | change, qa(id="2") | change]))
    with pytest.raises(Unlabelled, match=r"no answer in 2 questions, so published without.*test_data"):
        squad.read_squad(path, split=split)


@pytest.mark.parametrize("text", ["\u200f", "\u00ad", "\u200d\u200b", "\u00a0\n", "\ufffd", "\x07"])
def test_an_answer_of_invisible_marks_alone_is_no_answer(tmp_path, text):
    path = write(tmp_path, (f"Ada{text}", [qa(), qa(text=text, start=3, id="2")]))
    assert [q.reason[:11] for q in squad.read_squad(path).quarantined] == ["question 2:"]
    assert len(squad.read_squad(path, split="test").flagged) == 1


def test_a_question_with_one_answer_that_stands_is_trained_on(tmp_path):
    answers = [{"text": "Ada", "answer_start": 0}, {"text": "Ada", "answer_start": 10}]
    path = write(tmp_path, ("Then came Ada.", [qa() | {"answers": answers}]))
    assert len(squad.read_squad(path)) == 1 and squad.read_squad(path).counts["unsliceable"] == 1
    assert len(squad.read_squad(path, split="test").flagged) == 1


@pytest.mark.parametrize(
    ("context", "text", "start", "why"),
    [
        ("\U0001f600\U0001f600 Ada", "Ada", 5, "counts UTF-16 units"),
        ("né à Bée: Ada", "Ada", 13, "counts UTF-8 units"),
        ("one\r\ntwo Ada", "Ada", 8, "a line's end as one character"),
        ("caf\u00e9 Ada", "cafe\u0301", 0, "Unicode's form NFD"),
        ("cafe\u0301 Ada", "caf\u00e9", 0, "Unicode's form NFC"),
        ("AT&amp;T", "AT&T", 0, "the answer's HTML entities are written out"),
        ("AT&T", "AT&amp;T", 0, "the context's HTML entities are written out"),
    ],
)
def test_an_answer_counted_or_written_otherwise_is_told_why_and_never_moved(tmp_path, context, text, start, why):
    path = write(tmp_path, (context, [qa(text="x", start=0), qa(text=text, start=start)]))
    train, test = squad.read_squad(path), squad.read_squad(path, split="test")
    assert why in train.quarantined[1].reason and test[1].answers == (Answer(text, start),)


def test_a_byte_order_mark_and_carriage_returns_leave_the_places_alone(tmp_path):
    path = write(tmp_path, ("one\r\nAda", [qa(start=5)]), indent=1)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert squad.read_squad(path)[0].context == "one\r\nAda"


def test_a_file_with_the_hubs_lists_of_answers_is_read(tmp_path):
    answers = {"text": ["Ada"], "answer_start": [0]}
    assert squad.read_squad(write(tmp_path, ("Ada", [qa() | {"answers": answers}])))[0].answers == (Answer("Ada", 0),)


def test_json_lines_are_refused_by_name(tmp_path):
    path = tmp_path / "xquad.en.json"
    path.write_text('{"question": "Who?"}\n{"question": "When?"}\n')
    with pytest.raises(FormatError, match="JSON Lines"):
        squad.read_squad(path)


def test_questions_marked_as_possible_are_read(tmp_path):
    assert len(squad.read_squad(write(tmp_path, ("Ada", [qa(is_impossible=False)])))) == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"data": [\n{"paragraphs": [\n}', 3),
        ("", 1),
        ("[" * 100_000, 1),
        ("1" * 5_000, 1),
        ("[]", 1),
        ('{"data": {}}', 1),
        ('{"data": [[]]}', 1),
        ('{"data": [{"paragraphs": [{"context": "x"}]}]}', 1),
    ],
)
def test_what_is_not_squads_json_is_an_error_with_its_line(tmp_path, content, line):
    path = tmp_path / "xquad.en.json"
    path.write_text(content)
    with pytest.raises(FormatError) as caught:
        squad.read_squad(path)
    assert caught.value.line == line and caught.value.path == str(path)


@pytest.mark.parametrize(
    ("name", "language", "message"),
    [
        ("train-v1.1.json", None, "no code of a language"),
        ("dev-context-en-question-de.json", "de", "the name says 'en-de'"),
        ("xquad.de.json", "en", "the name says de"),
    ],
)
def test_a_language_nobody_names_or_two_disagree_on_is_an_error(tmp_path, name, language, message):
    with pytest.raises(FormatError, match=message):
        squad.read_squad(write(tmp_path, ("Ada", [qa()]), name=name), language=language)


def test_squads_own_files_take_the_language_they_are_given(tmp_path):
    path = write(tmp_path, ("Ada", [qa()]), name="train-v1.1.json", version="1.1")
    assert squad.read_squad(path, language="en")[0].language == "en"


def test_lines_are_not_guessed_where_a_question_lacks_its_id(tmp_path):
    bad = qa(start=5)
    del bad["id"]
    path = write(tmp_path, ("Ada", [qa(question='"id": "id":'), bad]), indent=1)
    assert [q.line for q in squad.read_squad(path).quarantined] == [1]


def test_hub_rows_are_verified_too():
    answers = {"text": ["Ada", "came"], "answer_start": np.array([10, 5])}
    rows = [
        {"id": "a", "context": "Then came Ada.", "question": "Who?", "answers": answers},
        {"id": "b", "context": "Then came Ada.", "question": "Who?", "answers": {"text": ["Ada"], "answer_start": [9]}},
        {"id": "c", "context": "Then came Ada.", "question": "Who?", "answers": {"text": ["Ada"], "answer_start": []}},
        {"id": "d", "context": "Then came Ada.", "question": "Who?", "answers": {"text": [], "answer_start": []}},
    ]
    data = squad.from_rows(rows, "en", source="squad")
    assert list(data) == [
        Question("Who?", "Then came Ada.", (Answer("Ada", 10), Answer("came", 5)), "en", "a", ("squad", 1))
    ]
    assert [q.line for q in data.quarantined] == [2, 3, 4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all generated files: a new one for each example would take most of the time."""
    return tmp_path_factory.mktemp("generated")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(metrics.can_be_seen)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=4), st.booleans())
def test_what_is_written_is_read_back(folder, rows, ascii_only):
    expected, paragraphs = [], []
    for n, (before, text, after, question) in enumerate(rows, 1):
        paragraphs.append((before + text + after, [qa(question, text, len(before), id=f"q{n}")]))
        answers = (Answer(text, len(before)),)
        expected.append(Question(question, before + text + after, answers, "en", f"q{n}", ("xquad.en.json", n)))
    path = write(folder, *paragraphs)
    path.write_text(json.dumps(json.loads(path.read_bytes()), ensure_ascii=ascii_only), encoding="utf-8")
    assert list(squad.read_squad(path)) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "paragraphs", "qas", "context", "question", "answers", "text", "answer_start", "id"]
            ),
            inner,
        )
    ),
)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60)
    | JSON.map(lambda v: json.dumps(v).encode())
    | JSON.map(lambda v: json.dumps({"data": [{"paragraphs": [{"context": "Ada", "qas": [v]}]}]}).encode()),
    st.sampled_from(["train", "test"]),
)
def test_noise_is_a_value_error_or_accounted_for_question_by_question(folder, noise, split):
    path = folder / "xquad.en.json"
    path.write_bytes(noise)
    try:
        data = squad.read_squad(path, split=split)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert data.counts["questions"] == len(data) + len(data.quarantined)


@pytest.mark.parametrize("text", ["", " ", "\u200b"])
def test_saying_nothing_earns_nothing_where_the_right_answer_is_empty(text):
    assert set(score_of(Question("Who?", "Ada", (Answer(text, 0),), "en", "1"), "").values()) == {0.0}
