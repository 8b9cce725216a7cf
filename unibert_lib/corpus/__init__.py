"""From a Wikipedia dump, or other text, to a filtered corpus by language.

>>> from unibert_lib import corpus
>>> report = corpus.build(corpus.open_folder("dumps"), "runs/corpus/mine")  # doctest: +SKIP
"""

from unibert_lib.corpus.dumps import read_dump
from unibert_lib.corpus.filters import RULES, Drop, Keep, Rule
from unibert_lib.corpus.folders import Source, open_folder
from unibert_lib.corpus.pipeline import build, finish
from unibert_lib.corpus.records import Document, FormatError, Page, Quarantined
from unibert_lib.corpus.report import CorpusReport, LanguageReport, load_report
from unibert_lib.corpus.sources import read_dataset, read_sentences
from unibert_lib.corpus.wikitext import paragraphs
from unibert_lib.corpus.wordpieces import MINIMUM_PIECES, too_few_pieces

__all__ = [
    "MINIMUM_PIECES",
    "RULES",
    "CorpusReport",
    "Document",
    "Drop",
    "FormatError",
    "Keep",
    "LanguageReport",
    "Page",
    "Quarantined",
    "Rule",
    "Source",
    "build",
    "finish",
    "load_report",
    "open_folder",
    "paragraphs",
    "read_dataset",
    "read_dump",
    "read_sentences",
    "too_few_pieces",
]
