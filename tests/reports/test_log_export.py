"""Files of the prediction log are made a page at a time, in every format."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import BytesIO, StringIO

import pyarrow.parquet
import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.reports.log_export import LOG_FORMATS, NAMES, Line

PAGES, ROWS = 60, 50


def line(number: int) -> Line:
    texts = ("id", "symbol", "tf", "candle_open", "created", "pred", "source", "reasons")
    return {
        **dict.fromkeys(NAMES),
        **{name: f"{name} {number}" for name in texts},
        "late": number % 2 == 0,
        "confidence": number / 7.0,
        "horizon_bars": 16,
        "declined": "=SUM(1)",
    }


class Pages:
    """Counts how many have been asked for."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[list[Line]]:
        for page in range(PAGES):
            self.read += 1
            yield [line(page * ROWS + row) for row in range(ROWS)]


@pytest.mark.parametrize("name", LOG_FORMATS.names())
def test_no_more_than_a_page_is_held(name: str) -> None:
    pages, sizes = Pages(), []
    for taken, piece in enumerate(LOG_FORMATS.get(name).pieces(iter(pages)), 1):
        assert pages.read <= taken, "a page is read when the one before has been taken"
        sizes.append(len(piece))
    assert len(sizes) == PAGES + 1
    assert max(sizes[:-1]) < 2 * min(sizes[:-1])


def test_the_pieces_are_the_file() -> None:
    expected = [line(number) for number in range(PAGES * ROWS)]
    table, text = (
        b"".join(LOG_FORMATS.get(name).pieces(iter(Pages()))) for name in ("parquet", "csv")
    )
    assert pyarrow.parquet.read_table(BytesIO(table)).to_pylist() == expected
    rows = list(csv.DictReader(StringIO(text.decode(), newline="")))
    assert [row["id"] for row in rows] == [each["id"] for each in expected]
    assert {row["declined"] for row in rows} == {"'=SUM(1)"}, "no spreadsheet runs it"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown log format 'xlsx': use one of csv, parquet"):
        LOG_FORMATS.get("xlsx")
