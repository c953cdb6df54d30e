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
NOW_MS = OPENS[-1] + HOUR_MS
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
        text().removeprefix(HEAD + "\n").replace("\n", ",0,7.5\n"),
        text(as_text=lambda at: f"{at:.12e}"),
        text(as_text=lambda at: f"{at / 1000:.3f}"),
    ],
    ids=[
        "plain",
        "bom",
        "semicolons",
        "commas",
        "tabs",
        "dates",
        "iso",
        "seconds",
        "microseconds",
        "unnamed",
        "scientific",
        "fractions",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_in_use_is_read(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "BTCUSDT_1h.csv"
    path.write_text(content.removeprefix("\ufeff" if encoding == "utf-16" else ""), encoding)
    found = read_csv_candles(path, NOW_MS)
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
    found = read_csv_candles(path, NOW_MS)
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
        (HEAD + "\n", "x.csv: no rows"),
        (HEAD + f"\n{OPENS[0]},1,1,1,1,\n", "no row with a time and five numbers among 1"),
        ("", "not readable as CSV"),
        (text().replace("12.5", "high"), "row 0: high is 'high', no number"),
        (
            text().replace(str(OPENS[2]), str(OPENS[2] // 1000)),
            "row 2: 1700013600 seems to be in sec",
        ),
        (text(as_text=lambda at: str(at // 10**6)), "row 0: 1.70001e+06 is no time since 2009"),
        (text(as_text=lambda at: str(at * 1000 + 1)), "are no whole millisecond"),
        (text(as_text=lambda at: f"{at / 86_400_000 + 25_569:.8f}"), "45245 is no time since"),
        (text() + "Total,1,1,1,1,1\n", "row 6 has 'Total'"),
        (text(as_text=iso).replace(" 03:00", " 27:00"), "row 3 has '2023-11-15 27:00:00'"),
        (
            text() + f"{OPENS[-1] + 2 * HOUR_MS},10,13,9,11,100\n",
            "row 6: 1700031600000 ms is after",
        ),
    ],
)
def test_what_cannot_be_true_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(BadCandles) as refused:
        read_csv_candles(path, NOW_MS)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (5, 0, 1, 2, 3, 4)])
def test_the_open_candle_is_left_out(tmp_path: Path, order: tuple[int, ...]) -> None:
    path, (head, *lines) = tmp_path / "x.csv", text().splitlines()
    path.write_text("\n".join([head, *(lines[row] for row in order)]))
    found = read_csv_candles(path, NOW_MS - 1)
    assert found.columns.open_ms.tolist() == OPENS[:-1]
    assert "5 1h candles of 6 rows" in found.words
    assert "the open candle left out" in found.words
