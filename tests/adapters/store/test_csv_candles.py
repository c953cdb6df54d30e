"""CSV files of other programs: read rightly, or refused in one line that names what is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.csv_candles import read_csv_candles
from crypto_bot.domain.errors import BadCandles

HOUR_MS = 3_600_000
FIRST_MS = 1_700_006_400_000
OPENS = [FIRST_MS + hour * HOUR_MS for hour in range(6)]
ROWS = [(at, 10.0 + n, 12.5 + n, 9.0 + n, 11.0 + n, 100.0 + n) for n, at in enumerate(OPENS)]
HEAD = "timestamp,open,high,low,close,volume"
Text = Callable[[int], str]


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def text(head: str = HEAD, as_text: Text = str, separator: str = ",") -> str:
    lines = [separator.join((as_text(at), *map(str, numbers))) for at, *numbers in ROWS]
    return "\n".join([head.replace(",", separator), *lines]) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        text(),
        "\ufeff" + text(),
        text(separator=";"),
        text(separator=";").replace(".", ","),
        text(separator="\t"),
        text(as_text=iso, head="Date,Open,High,Low,Close,Volume"),
        text(as_text=lambda at: iso(at).replace(" ", "T") + "Z"),
        text(as_text=lambda at: str(at // 1000), head="unix,OPEN,HIGH,LOW,CLOSE,VOLUME"),
        text(as_text=lambda at: str(at * 1000), head="Open time, Open, High, Low, Close, Volume"),
    ],
    ids=["plain", "bom", "semicolons", "commas", "tabs", "dates", "iso", "seconds", "microseconds"],
)
def test_what_is_in_use_is_read(tmp_path: Path, content: str) -> None:
    path = tmp_path / "BTCUSDT_1h.csv"
    path.write_text(content, "utf-8")
    found = read_csv_candles(path)
    assert (found.symbol, found.timeframe.name) == ("BTCUSDT", "1h")
    assert np.array_equal(np.column_stack(found.columns), np.array(ROWS))
    assert found.words == "6 1h candles of 6 rows"


def test_what_is_put_right_is_counted(tmp_path: Path) -> None:
    head, *lines = text().splitlines()
    lines.append(lines[0])  # once more
    del lines[2]  # a gap
    lines[1] = lines[1].rpartition(",")[0] + ","  # no volume
    path = tmp_path / "x.csv"
    path.write_text("\n".join([head, *reversed(lines)]))
    found = read_csv_candles(path)
    assert found.columns.open_ms.tolist() == [OPENS[n] for n in (0, 3, 4, 5)]
    assert (found.incomplete, found.duplicates, found.unsorted, found.gaps) == (1, 1, True, 2)
    assert "1 repeated rows left out, sorted by time, 2 candles missing" in found.words


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (text(head=HEAD.replace("volume", "trades")), "no column volume; it has timestamp, open"),
        (text(head=HEAD.replace("timestamp", "when")), "no column timestamp"),
        (text() + f"{OPENS[0]},10,13,9,11,100\n", "two different candles of 2023-11-15 00:00 UTC"),
        (text().replace("12.5", "1.5"), "1 x high_low"),
        (text(as_text=lambda _: "noon"), "times are neither numbers nor ISO dates"),
        (text(as_text=lambda at: str(FIRST_MS + (at - FIRST_MS) * 3)), "180 minutes apart"),
        (HEAD + "\n", "no row with a time and five numbers among 0"),
        ("", "not readable as CSV"),
    ],
)
def test_what_cannot_be_true_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(BadCandles) as refused:
        read_csv_candles(path)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
