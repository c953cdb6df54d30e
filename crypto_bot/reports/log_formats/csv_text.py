"""Tables as CSV, in UTF-8: the prediction log, and any other."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from io import StringIO

from crypto_bot.reports.log_export import NAMES, Line, LogFormat

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a text that begins so."""


def csv_pieces(names: Sequence[str], pages: Iterable[Sequence[Line]]) -> Iterator[bytes]:
    """One for each page of lines of the fields `names`.

    A text that a spreadsheet would run has a quote before it.
    """
    text = StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    for page in pages:
        writer.writerows({name: _plain(value) for name, value in line.items()} for line in page)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


CSV = LogFormat("text/csv", partial(csv_pieces, NAMES))
