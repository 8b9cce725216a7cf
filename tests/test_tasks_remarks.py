"""What is told of a data set before training: bad records by file, overlap, labels never seen, answers out of reach."""

import json

import pytest

from unibert_lib import tokenizer
from unibert_lib.corpus import FormatError
from unibert_lib.tasks import folders, qa, similarity
from unibert_lib.tasks.dataset import TaskSet
from unibert_lib.tasks.records import Answer, Question, TaggedSentence, TaskData
from unibert_lib.tasks.remarks import remarks, unseen_labels


def sentence(token, *tags):
    return TaggedSentence((token,) * len(tags), tags, "en", token)


def test_a_label_that_training_never_saw_is_told():
    data = TaskSet(
        "made",
        {"en": TaskData((sentence("a", "B-PER", "O"),))},
        test={"en": TaskData((sentence("b", "B-LOC", "I-LOC"), sentence("c", "B-LOC", "B-PER")))},
    )
    assert unseen_labels(data) == {"en": {"LOC": 2}}
    assert remarks(data) == ["test, en: labels that no training record has, which count as missed: LOC (2)"]


def test_a_test_record_that_stands_in_training_is_told():
    same = sentence("a", "B-PER", "O")
    data = TaskSet("made", {"en": TaskData((same,))}, test={"nl": TaskData((same, sentence("b", "B-PER")))})
    assert remarks(data) == [
        "no test data for en: trained on, not scored",
        "no training data for nl: scored by models of other languages alone, not in each",
        "test, nl: 1 of 2 records (50.0%) stand in the training data too",
    ]


def test_sound_data_gives_no_remark():
    data = TaskSet(
        "made", {"en": TaskData((sentence("a", "B-PER"),))}, test={"en": TaskData((sentence("b", "B-PER"),))}
    )
    assert remarks(data) == []


def test_bad_lines_are_told_file_by_file(tmp_path):
    row = {"language": "en", "file_name": "f", "tokens": ["a"], "coarse_grained": ["O"], "fine_grained": ["O"]}
    lines = [json.dumps({**row, "sentence_number": number, "tokens": [f"t{number}"]}) for number in range(9)]
    (tmp_path / "train.jsonl").write_text("\n".join([lines[0], "{", *lines[1:5], "[]"]), encoding="utf-8")
    (tmp_path / "test.jsonl").write_text("\n".join([*lines[5:], "nothing"]), encoding="utf-8")
    data, _ = folders.open_folder("legal_ner", tmp_path, level="coarse")
    told = [line for line in remarks(data) if "bad records" in line]
    assert [line.partition(":")[0] for line in told] == ["train, train.jsonl", "test, test.jsonl"]
    assert "bad records quarantined 2, the first in line 2: this is no JSON" in told[0]
    assert "bad records quarantined 1, the first in line 5" in told[1]


def test_an_answer_that_no_window_holds_is_counted():
    context = "one two three four five six seven eight nine ten " * 3
    pieces = tokenizer.train([context], 300)
    whole, far = (Answer(text, context.index(text)) for text in ("two three", context[:120]))
    records = [Question("one?", context, (answer,), "en", str(n)) for n, answer in enumerate((whole, far, far))]
    task = qa.Qa(max_length=24, stride=4)
    assert task.null_targets(task.encode(records, pieces, ())) == 2


def test_a_scale_that_runs_the_other_way_is_refused(tmp_path):
    def scores(*values):
        path = tmp_path / "stsb-en-dev.csv"
        path.write_text("".join(f"the same,the same,{value}\n" for value in values), encoding="utf-8")
        return similarity.read_stsb(path)

    assert scores(*[0] * 9, 5).counts["identical_scored_low"] == 9  # too few to tell
    assert scores(*[0] * 10, *[5] * 10).counts["identical_scored_low"] == 10
    with pytest.raises(FormatError, match=r"10 of 19 pairs of the same text score in the lower half.*turn its scores"):
        scores(*[0] * 10, *[5] * 9)


def test_data_without_an_entity_is_told():
    data = TaskSet("made", {"en": TaskData((sentence("a", "B-PER"),))}, test={"en": TaskData((sentence("b", "O"),))})
    assert remarks(data) == ["test, en: no entity in 1 sentences, so an entity F1 says nothing there"]
