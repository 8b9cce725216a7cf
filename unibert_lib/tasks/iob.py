"""Tag schemes of named entities: which one a file uses, and its tags as IOB2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from unibert_lib.config import unknown
from unibert_lib.tasks.records import Split
from unibert_lib.tasks.spelling import LETTERS, PLAIN, PREFIXED

Scheme = Literal["iob1", "iob2", "ioe1", "ioe2", "iobes", "none"]
SCHEMES: tuple[str, ...] = get_args(Scheme)
IOB1_MARGIN = 10  # ours: see detect

_ALLOWED = {"iob1": "BI", "iob2": "BI", "iobes": LETTERS}
_SAME = {"L": "E", "U": "S", "M": "I", "W": "S"}  # BILOU's and BMEWO's letters for IOBES's
_MIRROR = {"E": "B", "B": "E"}  # IOE read from the right is IOB


class Fault(NamedTuple):
    """Something wrong at a place: a token's index or a line, a short kind that is counted, and the reason."""

    at: int
    kind: str
    reason: str


def detect(sentences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of a file, decided once from the evidence of all its sentences.

    In this order, where X is a type of entity:

    - more plain names (``PER``) than prefixed tags (``B-PER``): ``none``;
    - E and I, and no other letter: ``ioe1`` or ``ioe2``, which are IOB1 and IOB2 read from the right;
    - closing tags (E, S, or BILOU's L, U, BMEWO's W) at least half as many as ``B-``: ``iobes``;
    - IOB2 never has an ``I-X`` that begins an entity (after O, after another type, at the start of a sentence), and
      IOB1 has ``B-X`` only directly after an entity of the same type. ``iob1`` where the first are at least ten times
      the other ``B-X``, else ``iob2``. So a file without entities, or with too little evidence, is ``iob2``: of the
      data sets used here, CoNLL-2003's original alone is IOB1, while genuine IOB2 can be broken often (WikiANN in
      Thai tags the ``#`` within a name O).

    ``B-X`` directly after the same type is legal in both and decides nothing.

    Source: ours (RELIABILITY, row 31); the schemes are those of CoNLL-2002 and CoNLL-2003.
    """
    sentences = [tuple(tags) for tags in sentences]
    seen = _evidence(sentences)
    if seen["plain"] > seen["prefixed"]:
        return "none"
    if seen["E"] and seen["E"] + seen["I"] == seen["prefixed"]:
        mirrored = _evidence(map(_mirrored, sentences))
        return "ioe1" if mirrored["I starts"] >= max(1, IOB1_MARGIN * mirrored["B starts"]) else "ioe2"
    if seen["closing"] and 2 * seen["closing"] >= seen["B"]:
        return "iobes"
    return "iob1" if seen["I starts"] >= max(1, IOB1_MARGIN * seen["B starts"]) else "iob2"


def _evidence(sentences: Iterable[Sequence[str]]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for tags in sentences:
        previous = ""
        for tag in tags:
            found, kind = PREFIXED.fullmatch(tag), ""
            if found:
                prefix, kind = found.groups()
                seen.update(("prefixed", prefix))
                seen["closing"] += prefix in "ESLUW"
                if kind != previous and prefix in "BI":
                    seen[f"{prefix} starts"] += 1
            elif tag != "O" and PLAIN.fullmatch(tag):
                seen["plain"] += 1
            previous = kind
    return seen


def _mirrored(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(_MIRROR.get(tag[:1], tag[:1]) + tag[1:] if tag[1:2] == "-" else tag for tag in reversed(tags))


def check_options(scheme: str | None = None, split: str = "train") -> None:
    """Refuse a name that is no scheme (None means that it is to be detected) or no split.

    Source: ours.
    """
    for what, name, valid in (("scheme", scheme, SCHEMES), ("split", split, get_args(Split))):
        if name is not None and name not in valid:
            raise ValueError(unknown(what, str(name), valid))


def faults(tags: Sequence[str], scheme: Scheme) -> tuple[Fault, ...]:
    """What breaks the scheme in one sentence; ``at`` is the token's index from 0.

    Kinds: ``tag`` (unreadable), ``prefix`` (a prefix in a file without), ``sequence`` (an entity begun or ended
    wrongly). A needless ``B-`` in IOB1 can be read in one way only and is no fault.

    Source: ours.
    """
    return walk(tags, scheme)[1]


def to_iob2(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """The tags of one sentence in IOB2. Without prefixes, equal neighbours are one entity: two cannot be told apart.

    Raises
    ------
    ValueError
        At the first tag that breaks the scheme.

    Source: CoNLL-2002 (IOB2).
    """
    check_options(scheme)
    converted, wrong = walk(tags, scheme)
    if wrong:
        raise ValueError(f"token {wrong[0].at}: {wrong[0].reason}; name another scheme, or use iob.repair")
    return converted


def repair(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """Legal IOB2 whatever the tags: what cannot be read becomes O, an ``I-X`` that begins an entity ``B-X``.

    The second is how the official scorer (conlleval) reads such tags, so that scores do not move.

    Source: ours; conlleval.
    """
    return walk(tags, scheme)[0]


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
    found = PREFIXED.fullmatch(tag)
    if scheme == "none":
        if found and found[1] in "BI":
            return "I", found[2], ("prefix", f"tag {tag[:60]!r} has a prefix in a file without prefixes")
        if PLAIN.fullmatch(tag):
            return "I", tag, None
    elif found and found[1] in _ALLOWED[scheme]:
        return _SAME.get(found[1], found[1]), found[2], None
    why = f"tag {tag[:60]!r} is illegal in {scheme}" if tag else "there is no tag"
    return "O", "", ("tag", why)


def walk(tags: Sequence[str], scheme: Scheme) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """The tags of one sentence as :func:`repair` gives them, and its :func:`faults`."""
    if scheme in ("ioe1", "ioe2"):
        backwards, wrong = _forwards(_mirrored(tags), "iob1" if scheme == "ioe1" else "iob2")
        last, mended = len(tags) - 1, ["O"] * len(tags)
        for kind, start, end in entities(backwards):
            mended[len(tags) - end : len(tags) - start] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
        turned = (Fault(last - f.at, f.kind, f"tag {tags[last - f.at][:60]!r} is illegal in {scheme}") for f in wrong)
        return tuple(mended), tuple(sorted(turned))
    return _forwards(tags, scheme)


def _forwards(tags: Sequence[str], scheme: Scheme) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
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
