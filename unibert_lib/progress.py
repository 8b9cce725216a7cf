"""One kind of progress bar, that reads well in JupyterLab, in an executed notebook and in a papermill log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tqdm.std import tqdm

# tqdm.auto would draw a widget in every kernel: a papermill log then shows 0 % to the end, and so does an
# executed notebook opened elsewhere. Text on stdout is drawn by all of them; every other second is enough.
bar = partial(tqdm, file=sys.stdout, mininterval=2.0, ncols=110)


@contextmanager
def quiet(logging: Any) -> Iterator[None]:
    """Transformers' logging with nothing below an error."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
