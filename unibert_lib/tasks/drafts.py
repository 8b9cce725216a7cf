"""Sentences as they stand in a file, and what becomes of them: converted to IOB2, kept aside, or flagged."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.tasks.iob import Fault, Scheme, check_options, detect, walk
from unibert_lib.tasks.records import FormatError, Quarantined, Split, TaggedSentence, TaskData
from unibert_lib.tasks.spelling import PREFIXED, SLIP, respelt

MAX_TOKENS = 5_000  # ours: the longest genuine sentence seen has 1,047
UNCLOSED = 0.1  # ours: with more sentences that leave an entity open, a file is no IOBES
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}


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


def draft(
    tokens: Any, tags: Any, names: Sequence[str] | None, language: str, item: str, path: str, number: int
) -> Draft:
    """A sentence from two lists that nobody has checked: every fault is noted, nothing raises.

    Tokens that are no text become "", tags that are none are left out; tags beyond the last token are dropped.

    Source: ours (RELIABILITY, rows 31 and 38).
    """
    raw = f"tokens={tokens!r} tags={tags!r}"
    wrong = []
    for what, values in (("tokens", tokens), ("tags", tags)):
        if not isinstance(values, list | tuple):
            wrong.append(Fault(number, "shape", f"{what} is {type(values).__name__}, not a list"))
    tokens = list(tokens) if isinstance(tokens, list | tuple) else []
    tags = list(tags) if isinstance(tags, list | tuple) else []
    if not wrong and not tokens:
        wrong.append(Fault(number, "empty", "there is no token"))
    if len(tokens) != len(tags):
        wrong.append(Fault(number, "length", f"{len(tokens)} tokens and {len(tags)} tags"))
        tags = (tags + [""] * len(tokens))[: len(tokens)]
    for at, token in enumerate(tokens):
        if not isinstance(token, str):
            wrong.append(Fault(number, "token", f"token {at} is {token!r:.60}, not text"))
            tokens[at] = ""
        elif LONE_SURROGATE.search(token):
            wrong.append(Fault(number, "token", f"token {at} holds half a character (a lone surrogate)"))
            tokens[at] = LONE_SURROGATE.sub("\ufffd", token)
    for at, tag in enumerate(tags):
        if names is not None and isinstance(tag, int) and not isinstance(tag, bool) and 0 <= tag < len(names):
            tags[at] = names[tag]
        elif not isinstance(tag, str) or LONE_SURROGATE.search(tag):
            wrong.append(Fault(number, "label", f"tag {at} is {tag!r:.60}, which has no name"))
            tags[at] = ""
    return Draft(tuple(tokens), tuple(tags), language, item, path, (number,) * len(tokens), raw, tuple(wrong))


def settle(
    drafts: Sequence[Draft], *, scheme: Scheme | None, split: Split, counts: Counter[str]
) -> TaskData[TaggedSentence]:
    """Judge the sentences of one file: convert the good, keep bad ones out of training, repair them elsewhere.

    ``counts`` goes on from what the reader counted. Sentences read = records + quarantined. A sentence of more than
    ``MAX_TOKENS`` tokens is bad: boundaries are missing.

    Source: ours (RELIABILITY, row 31).
    """
    check_options(scheme, split)
    spelt = respelt(drafts[0].path if drafts else "", [(draft.tags, draft.lines) for draft in drafts])
    decided: Scheme = scheme or detect(spelt)
    drafts = [replace(draft, tags=tags) for draft, tags in zip(drafts, spelt, strict=True)]
    if scheme is None:
        _refuse_mixed(drafts, decided)
    records, quarantined = [], []
    counts[f"scheme_{decided}"] += 1
    for draft in drafts:
        tags, wrong = walk(draft.tags, decided)
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


def _refuse_mixed(drafts: Sequence[Draft], scheme: Scheme) -> None:
    """A file of two schemes reads wrongly in either: the first tag that does not fit is named."""
    letters, share = ("ESLUMW", SLIP) if scheme in ("iob1", "iob2") else ("", UNCLOSED)
    tagged, odd = 0, []
    for draft in drafts:
        if scheme == "iobes":
            tagged += any(tag != "O" for tag in draft.tags)
            odd += [(draft, fault.at) for fault in walk(draft.tags, scheme)[1] if fault.kind == "sequence"][:1]
        elif letters:
            prefixed = [(at, found[1]) for at, tag in enumerate(draft.tags) if (found := PREFIXED.fullmatch(tag))]
            tagged += len(prefixed)
            odd += [(draft, at) for at, letter in prefixed if letter in letters]
    if len(odd) > share * tagged:
        draft, at = odd[0]
        remedy = "write the whole file in one scheme, or leave it out"
        reason = f"tag {draft.tags[at][:60]!r} does not fit the scheme of the file's other tags, {scheme}"
        raise FormatError(draft.path, reason, remedy=remedy, line=draft.lines[at])


def _is_invisible(token: str) -> bool:
    return not token.isalnum() and all(unicodedata.category(character) in _INVISIBLE for character in token)
