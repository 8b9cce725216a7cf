"""What was read, kept, dropped and quarantined, by language; on disk as ``report.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from unibert_lib.corpus.records import FormatError
from unibert_lib.runs import writing

REPORT = "report.json"
DUPLICATE_PAGE = "duplicate_page"  # counted among the drops, beside the rules


@dataclass
class LanguageReport:
    """Counts of one language. Always ``paragraphs_in = paragraphs_out + sum(drops)``.

    Attributes
    ----------
    pages
        Pages read, of every kind; quarantined ones are counted apart.
    redirects, other_namespaces, empty_pages
        Pages without samples: redirects, pages outside namespace 0, articles without a paragraph.
    duplicate_pages
        Pages whose id had occurred before; their paragraphs are among the drops.
    quarantined
        Pages, lines or rows that could not be read.
    paragraphs_in, paragraphs_out
        Samples before and after the rules.
    bytes_wikitext, bytes_in, bytes_out
        Bytes in UTF-8: of the articles' wikitext, of the samples before the rules, and after.
    drops
        Samples dropped, by rule.
    hidden, surrogates
        Hidden characters met before the rules (joiners apart), and how many of them were lone surrogates.
    joiners_in, joiners_kept
        Zero-width joiners and non-joiners before and after the rules.
    template_text
        Characters of prose that templates took with them which ``data/wikitext/templates.csv`` does not list, by the
        template's name: the largest, and ``(others)``.
    pieces, pieces_max, pieces_unknown, pieces_over_512
        Word pieces of the samples kept, the longest sample's, how many are ``[UNK]``, and samples that are longer
        than 512 pieces; None until a tokenizer was seen.
    """

    language: str
    pages: int = 0
    redirects: int = 0
    other_namespaces: int = 0
    empty_pages: int = 0
    duplicate_pages: int = 0
    quarantined: int = 0
    paragraphs_in: int = 0
    paragraphs_out: int = 0
    bytes_wikitext: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    hidden: int = 0
    surrogates: int = 0
    joiners_in: int = 0
    joiners_kept: int = 0
    template_text: dict[str, int] = field(default_factory=dict)
    pieces: int | None = None
    pieces_max: int | None = None
    pieces_unknown: int | None = None
    pieces_over_512: int | None = None

    @property
    def pieces_mean(self) -> float | None:
        """Word pieces a sample kept; the paper reports about 110."""
        return None if self.pieces is None else self.pieces / max(self.paragraphs_out, 1)

    @property
    def balanced(self) -> bool:
        """Whether input = kept + dropped."""
        return self.paragraphs_in == self.paragraphs_out + sum(self.drops.values())


@dataclass(frozen=True)
class CorpusReport:
    """The reports of all languages of one corpus, and the settings it was made with."""

    languages: dict[str, LanguageReport]
    settings: dict[str, Any]

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules, in the order in which they were applied."""
        return tuple(self.settings["rules"])

    def table(self) -> pd.DataFrame:
        """One row a language, drops by rule as columns ``dropped_<rule>``.

        Source: ours.
        """
        names = list(dict.fromkeys([*self.rules, *(name for row in self.languages.values() for name in row.drops)]))
        rows = []
        for report in self.languages.values():
            row = {key: value for key, value in asdict(report).items() if key != "drops"}
            row["template_text"] = sum(report.template_text.values())
            row["pieces_mean"] = report.pieces_mean
            row.update({f"dropped_{name}": report.drops.get(name, 0) for name in names})
            rows.append(row)
        columns = [item.name for item in fields(LanguageReport) if item.name != "drops"]
        columns += ["pieces_mean", *(f"dropped_{name}" for name in names)]
        return pd.DataFrame(rows, columns=columns).set_index("language")

    def write(self, out: Path) -> None:
        """Write ``report.json`` in one step: a reader sees the old one or the new one, never half of it."""
        # A language a line: it is written after each of them, and json's indentation is slow.
        rows = [f"{json.dumps(code)}: {json.dumps(vars(row))}" for code, row in self.languages.items()]
        settings, languages = json.dumps(self.settings), ",\n".join(rows)
        body = f'{{"settings": {settings},\n"languages": {{\n{languages}\n}}}}\n'
        staged = out / f".{REPORT}.staged"
        with writing(out / REPORT):
            out.mkdir(parents=True, exist_ok=True)
            staged.write_text(body, encoding="utf-8")
            os.replace(staged, out / REPORT)


def load_report(out: str | Path) -> CorpusReport:
    """Read ``report.json`` of a corpus.

    Raises
    ------
    ValueError
        If the folder holds no report.
    FormatError
        If the report cannot be read.

    Source: ours.
    """
    path = Path(out) / REPORT
    if not path.is_file():
        raise ValueError(f"{path}: no such file; this is no corpus folder, or it is not finished: run corpus.build")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        rules = body["settings"]["rules"]
        if not isinstance(rules, list) or not all(isinstance(rule, str) and rule.isprintable() for rule in rules):
            raise ValueError(f"rules are {rules!r:.60}")
        return CorpusReport({code: _row(code, row) for code, row in body["languages"].items()}, body["settings"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(path, f"not a corpus report ({error})", remedy="build the corpus again") from error


def _row(code: str, given: Any) -> LanguageReport:
    row = LanguageReport(**given)
    counts = {name: value for name, value in vars(row).items() if not isinstance(value, str | dict)}
    for name, value in {**counts, **row.drops, **row.template_text}.items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError(f"{name} of {code!r} is {value!r:.60}, no count")
    if row.language != code or not "".join([code, *row.drops, *row.template_text]).isprintable():
        raise ValueError(f"the row of {code!r} is that of {row.language!r:.60}")
    return row


def open_report(out: Path, settings: dict[str, Any]) -> CorpusReport:
    """The report in ``out``, a new one where there is none.

    Raises
    ------
    ValueError
        If ``out`` was made with other settings.

    Source: ours (RELIABILITY, row 13).
    """
    if not (out / REPORT).is_file():
        report = CorpusReport({}, settings)
        report.write(out)
        return report
    report = load_report(out)
    if report.settings != settings:
        changed = [key for key in settings if report.settings.get(key) != settings[key]] or sorted(report.settings)
        raise ValueError(
            f"{out} holds a corpus made with other settings ({', '.join(changed)}: "
            f"{[report.settings.get(key) for key in changed]} there, {[settings.get(key) for key in changed]} now): "
            "choose another folder, or delete that one"
        )
    return report


def check_balance(reports: Iterable[LanguageReport]) -> None:
    """Fail loudly if samples went missing between input and output: that would be a fault of this library."""
    for report in reports:
        assert report.balanced, f"{report.language}: {report} does not balance"
