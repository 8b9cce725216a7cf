"""The teacher: any masked language model whose vocabulary is the student's."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import hub
from unibert_lib import tokenizer as tokenizers


class TeacherError(ValueError):
    """A teacher that cannot teach this student; the message says why and what to do."""


def load(source: str | Path, tokenizer: TokenizersBackend, revision: str | None = None) -> PreTrainedModel:
    """The teacher in eval mode, its parameters frozen; weights come from safetensors only.

    Raises
    ------
    TeacherError
        If its tokenizer's pieces or ids differ from ``tokenizer``'s, its embedding has another number of
        rows, or the hub cannot be reached.

    Source: paper 3.3.3 (mBERT as the teacher).
    """
    check_vocabulary(tokenizers.load(source, revision), tokenizer, str(source))
    path = Path(source).expanduser()
    revision = None if path.exists() else revision or tokenizers.PINNED.get(str(source))
    try:
        config = hub.from_pretrained(AutoConfig, source, revision)
        model = hub.from_pretrained(AutoModelForMaskedLM, source, revision, config=config, use_safetensors=True)
    except hub.HubError as error:
        raise TeacherError(
            f"teacher {source}: cannot be loaded ({error}); give a folder that from_pretrained reads"
        ) from error
    rows = model.get_input_embeddings().num_embeddings
    if rows != len(tokenizer):
        raise TeacherError(
            f"teacher {source}: {rows} embedding rows, the tokenizer has {len(tokenizer)} pieces; "
            "take the teacher's own tokenizer"
        )
    if not hasattr(model, "bert") or not hasattr(model, "cls"):
        raise TeacherError(
            f"teacher {source} is a {type(model).__name__}; a BERT with a masked language modelling head is needed"
        )
    frozen: PreTrainedModel = model.eval().requires_grad_(False)
    return frozen


def check_vocabulary(teacher: TokenizersBackend, student: TokenizersBackend, source: str) -> None:
    """Raises :class:`TeacherError` naming the first id at which two vocabularies part."""
    theirs, ours = teacher.get_vocab(), student.get_vocab()
    if len(theirs) != len(ours):
        raise TeacherError(
            f"teacher {source}: {len(theirs)} pieces, the student's tokenizer has {len(ours)}. "
            "Distillation compares them id by id: build the corpus and the student with the "
            "teacher's tokenizer (notebook 01, -p tokenizer ...)"
        )
    by_id = {i: piece for piece, i in theirs.items()}
    for piece, i in sorted(ours.items(), key=lambda item: item[1]):
        if by_id.get(i) != piece:
            raise TeacherError(
                f"teacher {source}: id {i} is {by_id.get(i)!r} there and {piece!r} in the student's tokenizer"
            )
    for name in tokenizers.SPECIAL_IDS:
        if teacher.convert_tokens_to_ids(name) != student.convert_tokens_to_ids(name):
            raise TeacherError(f"teacher {source}: {name} has another id than in the student's tokenizer")
