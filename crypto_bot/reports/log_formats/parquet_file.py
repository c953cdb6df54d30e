"""The prediction log as a Parquet file, a row group for each page."""

from __future__ import annotations

from collections.abc import Iterator
from io import RawIOBase
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from crypto_bot.reports.log_export import NAMES, Line, LogFormat

_TYPES = {
    **dict.fromkeys(("late", "correct"), "bool"),
    "horizon_bars": "int32",
    **dict.fromkeys(
        ("id", "symbol", "tf", "candle_open", "created", "pred", "source", "model_version"),
        "string",
    ),
    **dict.fromkeys(("reasons", "declined", "settled", "status", "label"), "string"),
}
"""All others are float64."""


class _Written(RawIOBase):
    """What has been written since it was last taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._size += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def pieces(pages: Iterator[list[Line]]) -> Iterator[bytes]:
    """One for each page, and the footer."""
    schema = pa.schema([(name, pa.type_for_alias(_TYPES.get(name, "float64"))) for name in NAMES])
    file = _Written()
    with parquet.ParquetWriter(file, schema) as writer:
        for page in pages:
            writer.write_table(pa.Table.from_pylist(page, schema))
            yield file.take()
    yield file.take()


PARQUET = LogFormat("application/vnd.apache.parquet", pieces)
