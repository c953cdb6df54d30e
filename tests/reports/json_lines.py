"""A format of the prediction log in one file: a JSON object for each line."""

import json
from collections.abc import Iterator

from crypto_bot.reports.log_export import Line, LogFormat


def _pieces(pages: Iterator[list[Line]]) -> Iterator[bytes]:
    for page in pages:
        yield "".join(f"{json.dumps(line)}\n" for line in page).encode()


JSON_LINES = LogFormat("application/x-ndjson", _pieces)
