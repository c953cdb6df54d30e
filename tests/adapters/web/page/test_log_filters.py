"""Addresses of the log."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.web.page.log_filters import read_address
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.signal import Source
from crypto_bot.ports import LogPosition

SYMBOLS = ("BTCUSDT", "ETHUSDT")
T0 = 1_764_547_200_000  # 2025-12-01T00:00:00Z


def test_every_field() -> None:
    asked = {
        "coin": "btc",
        "source": "RSI_MA",
        "from": "2025-12-01T00:00",
        "to": "2025-12-01T09:00+09:00",
        "result": "stop",
        "before": f"{T0}:ETHUSDT",
        "unknown": "x",
    }
    address = read_address(asked, SYMBOLS, UTC)
    assert address.wanted == LogFilter("BTCUSDT", Source.RSI_MA, T0, T0, Ended.STOP)
    assert address.before == LogPosition(T0, "ETHUSDT")
    assert address.refused == ()
    assert read_address(dict(asked), SYMBOLS, UTC).query() == address.query()
    assert "before" not in address.query()
    assert address.query(LogPosition(T0, "BTCUSDT")).endswith(f"before={T0}%3ABTCUSDT")


def test_a_time_without_a_zone_is_in_the_viewers() -> None:
    address = read_address({"from": "2025-12-01T09:00"}, SYMBOLS, ZoneInfo("Asia/Tokyo"))
    assert address.wanted.since_ms == T0


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("coin", "NEVER"),
        ("source", "ORACLE"),
        ("from", "yesterday"),
        ("to", "9" * 30),
        ("result", "won"),
        ("before", "here"),
    ],
)
def test_what_is_not_understood_is_left_out_and_told(field: str, text: str) -> None:
    address = read_address({field: text}, SYMBOLS, UTC)
    assert address.wanted == LogFilter()
    assert address.before is None
    assert address.refused == (f"{field}: '{text}' is not understood and left out",)
    assert address.query() == ""


@given(
    st.dictionaries(
        st.sampled_from(["coin", "source", "from", "to", "result", "before"]), st.text()
    )
)
def test_no_address_breaks_it(asked: dict[str, str]) -> None:
    read_address(asked, SYMBOLS, UTC).query()
