"""mBERT's WordPiece from wherever it lies, or one trained on the corpus with the same special ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, BertTokenizer
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import hub, runs
from unibert_lib.slices import slices

SPECIAL_IDS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}  # mBERT's
ALPHABET_SHARE = 0.75  # ours: of a trained vocabulary, at most for single characters; the rest is for longer pieces
RECIPE = 2  # of `train`; a corpus whose tokenizer was trained by another recipe is another run
MBERT = "google-bert/bert-base-multilingual-cased"
# Hub files are taken at a pinned commit only; a newer one is given with `revision`.
PINNED = {
    MBERT: "3f076fdb1ab68d5b2880cb87a0886f315b8146f8",
    "bert-base-multilingual-cased": "3f076fdb1ab68d5b2880cb87a0886f315b8146f8",
}


COMMIT = re.compile(r"[0-9a-f]{40}")  # a branch or tag may point to other files tomorrow


class TokenizerError(ValueError):
    """A vocabulary that cannot be used; the message names the file and the remedy."""


def load(source: str | Path, revision: str | None = None, *, wordpiece: bool = True) -> TokenizersBackend:
    """A cased WordPiece tokenizer from a bare ``vocab.txt``, a local folder or a hub id.

    A hub id needs a revision, given or in :data:`PINNED`: a name alone may point to other files tomorrow. With
    ``wordpiece=False`` any fast tokenizer will do: the baselines of Table 1 bring their own.

    Raises
    ------
    TokenizerError
        For a vocabulary that is empty, has doubles or lacks a special token, a folder without a tokenizer,
        an unpinned hub id, or a hub that cannot be reached.

    Source: paper 3.1 (mBERT's tokenizer); the forms of ``source`` are ours.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return _from_vocabulary(path)
    if path.is_dir():
        if not (path / "tokenizer.json").exists() and (path / "vocab.txt").exists():
            return _from_vocabulary(path / "vocab.txt")
        if not (path / "tokenizer.json").exists():
            raise TokenizerError(
                f"{path}: neither tokenizer.json nor vocab.txt in this folder; give the folder that holds one"
            )
        return _check(_opened(path), str(path), wordpiece)
    name = str(source)
    if path.is_absolute() or path.suffix or name.count("/") > 1 or name.startswith("."):
        raise TokenizerError(
            f"{name}: no such file or folder; give a vocab.txt, a folder with a tokenizer, or a hub id"
        )
    revision = revision or PINNED.get(name)
    if not COMMIT.fullmatch(revision or ""):
        raise TokenizerError(
            f"{name}: a hub id needs a pinned commit, and revision={revision!r} is none; "
            "pass its 40 hex digits (on the model's page: Files and versions, History)"
        )
    return _check(_opened(name, revision), name, wordpiece)


def _opened(source: str | Path, revision: str | None = None) -> Any:
    try:
        return hub.from_pretrained(AutoTokenizer, source, revision)
    except hub.HubError as error:
        if revision is None:
            raise TokenizerError(f"{error}") from error
        raise TokenizerError(
            f"{source} at {revision}: neither cached nor reachable ({error}). "
            "Offline, give a local folder or a vocab.txt; the embedded default needs no hub."
        ) from error


def _from_vocabulary(path: Path) -> TokenizersBackend:
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TokenizerError(
            f"{path}, line {line}: a byte that is not UTF-8 ({error.reason}). Take the file from its source again"
        ) from error
    doubled = [word for word, count in Counter(words).items() if count > 1]
    if doubled:
        line = len(words) - words[::-1].index(doubled[0])
        raise TokenizerError(
            f"{path}, line {line}: {doubled[0]!r} occurs twice; ids would shift. Take the file from its source again"
        )
    missing = [token for token in SPECIAL_IDS if token not in words]
    if missing:
        raise TokenizerError(
            f"{path}: {', '.join(missing)} missing among {len(words)} lines; this is no BERT vocabulary"
        )
    # The path must not be passed as `vocab_file`: transformers 5 ignores it and returns five tokens.
    return _check(BertTokenizer(vocab={word: i for i, word in enumerate(words)}, do_lower_case=False), str(path))


def _check(tokenizer: Any, source: str, wordpiece: bool = True) -> TokenizersBackend:
    if not isinstance(tokenizer, TokenizersBackend) or len(tokenizer) <= len(SPECIAL_IDS):
        raise TokenizerError(
            f"{source}: no WordPiece vocabulary here; give a vocab.txt or a folder with tokenizer.json"
        )
    if not wordpiece:
        return tokenizer
    missing = [
        token for token in SPECIAL_IDS if tokenizer.convert_tokens_to_ids(token) in (None, tokenizer.unk_token_id)
    ]
    missing = [token for token in missing if token != "[UNK]"]
    if tokenizer.unk_token_id is None or missing:
        raise TokenizerError(f"{source}: special tokens {missing or ['[UNK]']} missing; a BERT tokenizer is needed")
    tokenizer.model_max_length = 512
    return tokenizer


def train(texts: Iterable[str], vocab_size: int) -> TokenizersBackend:
    """A cased WordPiece of at most ``vocab_size`` pieces with mBERT's special tokens at mBERT's ids.

    The ids between hold ``[unused1]`` to ``[unused99]``, as in mBERT. Every character of the texts is a piece, the
    most frequent first, until these fill :data:`ALPHABET_SHARE` of the room; what is left out is printed. The same
    texts give the same pieces; they are held in memory, so a sample will do where the corpus is large.

    Raises
    ------
    TokenizerError
        If ``vocab_size`` leaves no room for pieces, or there is no text.

    Source: the classroom's vocabulary is ours; the layout is mBERT's.
    """
    reserved = ["[PAD]", *(f"[unused{i}]" for i in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if vocab_size <= 2 * len(reserved):
        raise TokenizerError(
            f"vocab_size={vocab_size}: more than {2 * len(reserved)} are needed, {len(reserved)} of them special"
        )
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    lines = [part for text in texts for part in slices(sanitise(text))]
    counts = Counter(c for line in lines for c in backend.normalizer.normalize_str(line) if not c.isspace())
    letters = [c for c, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    # A Chinese character or a comma is always a word of its own, so that no word is ever continued by one.
    inner = {c for c in letters if len(_words(backend, f"a{c}a")) == 1}
    places = accumulate(1 + (c in inner) for c in letters)
    alphabet = letters[: sum(place <= ALPHABET_SHARE * (vocab_size - len(reserved)) for place in places)]
    if left := len(letters) - len(alphabet):
        share = sum(counts[c] for c in letters[len(alphabet) :]) / counts.total()
        print(
            f"{left} of {len(letters)} different characters, {share:.2%} of the text, find no room among {vocab_size} "
            "pieces: words with one of them become [UNK]. A larger vocab_size has room for more"
        )
    # The trainer numbers the continuations ("##a") in the order of a hash table, and breaks ties by number:
    # naming letters and continuations first makes the result the same each time.
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        special_tokens=[*reserved, *(f"##{c}" for c in alphabet if c in inner)],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    backend.train_from_iterator(lines, trainer)
    vocabulary = backend.get_vocab()
    if not alphabet:
        raise TokenizerError("no text to train a tokenizer on; the corpus is empty")
    return _check(BertTokenizer(vocab=vocabulary, do_lower_case=False, strip_accents=False), "the trained tokenizer")


def _words(backend: Tokenizer, text: str) -> list[Any]:
    return list(backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text)))


def fingerprint(tokenizer: TokenizersBackend) -> str:
    """sha256 of the pieces in the order of their ids and of how text is normalised."""
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    backend = tokenizer.backend_tokenizer
    return runs.fingerprint([piece for piece, _ in pieces], repr(backend.normalizer), repr(backend.pre_tokenizer))


def sanitise(text: str) -> str:
    """Lone surrogates as U+FFFD: the tokenizer's library cannot take them. Source: ours."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
