"""Atlas, the embedded world: real facts told in twelve languages, written in genuine file formats.

Facts stand in ``data/atlas/facts.csv``, names in CLDR, sentence patterns in ``data/atlas/<language>.toml``, those of
the task files in ``data/atlas/tasks/<language>.toml``.
"""

from .article import DUMP_SPLITS, Article, Paragraph, articles
from .facts import entity, facts
from .language import Language, Pattern, Sentence, Span, load
from .relations import RELATIONS
from .sentences import TaskLanguage, load_tasks
from .tasks import TASKS, write_tasks
from .world import Entity, Fact, Value, compare, countries, entities
from .write import write_dumps

__all__ = [
    "DUMP_SPLITS",
    "RELATIONS",
    "TASKS",
    "Article",
    "Entity",
    "Fact",
    "Language",
    "Paragraph",
    "Pattern",
    "Sentence",
    "Span",
    "TaskLanguage",
    "Value",
    "articles",
    "compare",
    "countries",
    "entities",
    "entity",
    "facts",
    "load",
    "load_tasks",
    "write_dumps",
    "write_tasks",
]
