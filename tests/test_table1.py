"""Table 1 against arithmetic: which intermediate sizes, and which units, its figures admit."""

import json

import pytest

from unibert_lib import student, table1, tokenizer


def test_parameters_grow_by_layers_times_twice_hidden_plus_one():
    # xxsmall: one more unit of 4 layers adds 128 weights in, 128 out and one bias in each: 4 x 257.
    grown = [student.predict("xxsmall", intermediate_size=wide).parameters for wide in (3072, 3073)]
    assert grown[1] - grown[0] == 4 * 257


@pytest.mark.parametrize("size", list(student.SIZES))
def test_the_range_is_exact_at_both_ends(size):
    printed = table1.STUDENTS[size].parameters
    least, most = table1.intermediate_range(size, 1e6 * (printed - 0.5), 1e6 * (printed + 0.5))
    inside = [student.predict(size, intermediate_size=wide).parameters / 1e6 for wide in (least, most)]
    outside = [student.predict(size, intermediate_size=wide).parameters / 1e6 for wide in (least - 1, most + 1)]
    assert all(printed - 0.5 <= millions < printed + 0.5 for millions in inside)
    assert not any(printed - 0.5 <= millions < printed + 0.5 for millions in outside)


def test_printed_parameters_alone_admit_no_common_intermediate_size():
    table = table1.admitted()
    assert table["from parameters, least"].max() > table["from parameters, most"].min()


def test_printed_sizes_meet_at_the_library_default_once_a_tokenizer_file_is_counted():
    table = table1.admitted(table1.TOKENIZER_JSON_BYTES)
    least, most = table["from size, least"].max(), table["from size, most"].min()
    assert least <= student.INTERMEDIATE_SIZE <= most
    assert not least <= 2048 <= most
    alone = table1.admitted()
    assert not alone["from size, least"].max() <= student.INTERMEDIATE_SIZE <= alone["from size, most"].min()


def test_students_are_printed_in_mebibytes_and_the_others_in_megabytes():
    units = table1.units()["nearer to"]
    assert set(units[[name for name in units.index if name.startswith("UniBERT")]]) == {"MiB"}
    assert set(units[list(table1.BASELINES)]) == {"MB"}


def test_the_size_of_the_tokenizer_file_is_that_of_the_genuine_vocabulary(shared, tmp_path):
    tokenizer.load(shared / "data" / "mbert_vocab" / "vocab.txt").save_pretrained(tmp_path)
    compact = json.dumps(
        json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8")),
        ensure_ascii=False,
        separators=(",", ":"),
    )
    assert len(compact.encode()) == pytest.approx(table1.TOKENIZER_JSON_BYTES, rel=0.01)


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError, match="low, high"):
        table1.intermediate_range("small", 2.0, 1.0)
