"""Tag schemes of named entities: which one a file uses, its tags as IOB2, and what becomes of bad sentences."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from unibert_lib.config import unknown
from unibert_lib.tasks.records import Quarantined, Split, TaggedSentence, TaskData

Scheme = Literal["iob1", "iob2", "iobes", "none"]
SCHEMES: tuple[str, ...] = get_args(Scheme)
MAX_TOKENS = 1_000  # ours: the longest genuine sentence seen, in a court's judgement, has 556
IOB1_MARGIN = 10  # ours: see detect

_TYPE = re.compile(r"[^\W\d_](?:.*\S)?")
_PREFIXED = re.compile(r"([BIESLU])-([^\W\d_](?:.*\S)?)")
_ALLOWED = {"iob1": "BI", "iob2": "BI", "iobes": "BIESLU"}
_SAME = {"L": "E", "U": "S"}  # BILOU's letters for IOBES's
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}


class Fault(NamedTuple):
    """Something wrong at a place: a token's index or a line, a short kind that is counted, and the reason."""

    at: int
    kind: str
    reason: str


def detect(sentences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of a file, decided once from the evidence of all its sentences.

    In this order, where X is a type of entity:

    - more plain names (``PER``) than prefixed tags (``B-PER``): ``none``;
    - closing tags (E, S, or BILOU's L, U) at least half as many as ``B-``: ``iobes``;
    - IOB2 never has an ``I-X`` that begins an entity (after O, after another type, at the start of a sentence), and
      IOB1 has ``B-X`` only directly after an entity of the same type. ``iob1`` where the first are at least ten times
      the other ``B-X``, else ``iob2``. So a file without entities, or with too little evidence, is ``iob2``: of the
      data sets used here, CoNLL-2003's original alone is IOB1, while genuine IOB2 can be broken often (WikiANN in
      Thai tags the ``#`` within a name O).

    ``B-X`` directly after the same type is legal in both and decides nothing.

    Source: ours (RELIABILITY, row 31); the schemes are those of CoNLL-2002 and CoNLL-2003.
    """
    seen: Counter[str] = Counter()
    for tags in sentences:
        previous = ""
        for tag in tags:
            found, kind = _PREFIXED.fullmatch(tag), ""
            if found:
                prefix, kind = found.groups()
                seen["prefixed"] += 1
                seen["begin" if prefix == "B" else "inside" if prefix == "I" else "closing"] += 1
                if kind != previous and prefix in "BI":
                    seen[f"{prefix} starts"] += 1
            elif tag != "O" and _TYPE.fullmatch(tag):
                seen["plain"] += 1
            previous = kind
    if seen["plain"] > seen["prefixed"]:
        return "none"
    if seen["closing"] and 2 * seen["closing"] >= seen["begin"]:
        return "iobes"
    return "iob1" if seen["I starts"] >= max(1, IOB1_MARGIN * seen["B starts"]) else "iob2"


def check_options(scheme: str | None = None, split: str = "train") -> None:
    """Refuse a name that is no scheme (None means that it is to be detected) or no split.

    Source: ours.
    """
    for what, name, valid in (("scheme", scheme, SCHEMES), ("split", split, get_args(Split))):
        if name is not None and name not in valid:
            raise ValueError(unknown(what, str(name), valid))


def is_tag(tag: str) -> bool:
    """Whether a string can only be meant as a tag: ``O``, or a prefix and a type.

    Source: ours.
    """
    return tag == "O" or _PREFIXED.fullmatch(tag) is not None


def faults(tags: Sequence[str], scheme: Scheme) -> tuple[Fault, ...]:
    """What breaks the scheme in one sentence; ``at`` is the token's index from 0.

    Kinds: ``tag`` (unreadable), ``prefix`` (a prefix in a file without), ``sequence`` (an entity begun or ended
    wrongly). A needless ``B-`` in IOB1 can be read in one way only and is no fault.

    Source: ours.
    """
    return _walk(tags, scheme)[1]


def to_iob2(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """The tags of one sentence in IOB2. Without prefixes, equal neighbours are one entity: two cannot be told apart.

    Raises
    ------
    ValueError
        At the first tag that breaks the scheme.

    Source: CoNLL-2002 (IOB2).
    """
    check_options(scheme)
    converted, wrong = _walk(tags, scheme)
    if wrong:
        raise ValueError(f"token {wrong[0].at}: {wrong[0].reason}; name another scheme, or use iob.repair")
    return converted


def repair(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """Legal IOB2 whatever the tags: what cannot be read becomes O, an ``I-X`` that begins an entity ``B-X``.

    The second is how the official scorer (conlleval) reads such tags, so that scores do not move.

    Source: ours; conlleval.
    """
    return _walk(tags, scheme)[0]


def entities(tags: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """Type, first token and token after the last of each entity in legal IOB2.

    Source: CoNLL-2002.
    """
    starts = [at for at, tag in enumerate(tags) if tag.startswith("B-")]
    found = []
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end].startswith("I-"):
            end += 1
        found.append((tags[start][2:], start, end))
    return tuple(found)


def _part(tag: str, scheme: Scheme) -> tuple[str, str, tuple[str, str] | None]:
    """Prefix (O, B, I, E or S), type, and kind and reason of a fault."""
    if tag == "O":
        return "O", "", None
    found = _PREFIXED.fullmatch(tag)
    if scheme == "none":
        if found and found[1] in "BI":
            return "I", found[2], ("prefix", f"tag {tag[:60]!r} has a prefix in a file without prefixes")
        if _TYPE.fullmatch(tag):
            return "I", tag, None
    elif found and found[1] in _ALLOWED[scheme]:
        return _SAME.get(found[1], found[1]), found[2], None
    why = f"tag {tag[:60]!r} is illegal in {scheme}" if tag else "there is no tag"
    return "O", "", ("tag", why)


def _walk(tags: Sequence[str], scheme: Scheme) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    converted: list[str] = []
    wrong: list[Fault] = []
    running, unclosed = "", False  # the entity that may go on; whether IOBES still owes its end
    for at, tag in enumerate(tags):
        prefix, kind, fault = _part(tag, scheme)
        goes_on = prefix in "IE" and kind == running
        if unclosed and not goes_on:
            wrong.append(Fault(at - 1, "sequence", f"tag {tags[at - 1][:60]!r} leaves its entity open"))
        if fault:
            wrong.append(Fault(at, *fault))
        elif prefix in "IE" and not goes_on and scheme in ("iob2", "iobes"):
            wrong.append(Fault(at, "sequence", f"tag {tag[:60]!r} begins an entity in {scheme}"))
        converted.append("O" if prefix == "O" else f"{'I' if goes_on else 'B'}-{kind}")
        running = "" if prefix in "OES" else kind
        unclosed = scheme == "iobes" and prefix in "BI"
    if unclosed:
        wrong.append(Fault(len(tags) - 1, "sequence", f"tag {tags[-1][:60]!r} leaves its entity open"))
    return tuple(converted), tuple(wrong)


@dataclass(frozen=True)
class Draft:
    """A sentence as it stands in a file, its tags not yet judged; "" where a token has none.

    ``lines`` holds the line of each token, ``faults`` what its reader found wrong, ``at`` being a line.

    Source: ours.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    language: str
    item: str
    path: str
    lines: tuple[int, ...]
    raw: str
    faults: tuple[Fault, ...] = ()


def settle(
    drafts: Sequence[Draft], *, scheme: Scheme | None, split: Split, counts: Counter[str]
) -> TaskData[TaggedSentence]:
    """Judge the sentences of one file: convert the good, keep bad ones out of training, repair them elsewhere.

    ``counts`` goes on from what the reader counted. Sentences read = records + quarantined. A sentence of more than
    ``MAX_TOKENS`` tokens is bad: boundaries are missing.

    Source: ours (RELIABILITY, row 31).
    """
    check_options(scheme, split)
    decided: Scheme = scheme or detect(draft.tags for draft in drafts)
    records, quarantined = [], []
    counts[f"scheme_{decided}"] += 1
    for draft in drafts:
        tags, wrong = _walk(draft.tags, decided)
        bad = [*draft.faults, *(Fault(draft.lines[f.at], f.kind, f.reason) for f in wrong)]
        if len(draft.tokens) > MAX_TOKENS:
            why = f"{len(draft.tokens)} tokens in one sentence, more than {MAX_TOKENS}: are blank lines missing?"
            bad.append(Fault(draft.lines[0], "too_long", why))
        counts["sentences"] += 1
        counts.update(f"fault_{kind}" for kind in {fault.kind for fault in bad})
        flag = None
        if bad:
            first = min(bad)
            more = f" (the first of {len(bad)} faults in this sentence)" if len(bad) > 1 else ""
            flag = Quarantined(draft.path, first.at, first.reason + more, draft.raw)
            scorable = sum(f.kind == "tag" for f in wrong) < len(draft.tokens)
            if split == "train" or not scorable:
                quarantined.append(flag)
                continue
        records.append(TaggedSentence(draft.tokens, tags, draft.language, draft.item, flag))
        counts["tokens"] += len(tags)
        counts["entities"] += sum(tag.startswith("B-") for tag in tags)
        counts["converted_tags"] += sum(old != new for old, new in zip(draft.tags, tags, strict=True))
        counts["invisible_tokens"] += sum(map(_is_invisible, draft.tokens))
    return TaskData(tuple(records), tuple(quarantined), dict(counts))


def _is_invisible(token: str) -> bool:
    return not token.isalnum() and all(unicodedata.category(character) in _INVISIBLE for character in token)
