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
WRONG = {"coin": "NEVER", "source": "ORACLE", "from": "yesterday", "to": "9" * 30, "result": "won"}


def test_every_field() -> None:
    asked = {"coin": "btc", "source": "RSI_MA", "result": "stop", "unknown": "x"}
    asked |= {"from": "2025-12-01T09:00", "to": "2025-12-01T00:00Z", "before": f"{T0}:ETHUSDT"}
    address = read_address(asked, SYMBOLS, ZoneInfo("Asia/Tokyo"))
    assert address.wanted == LogFilter("BTCUSDT", Source.RSI_MA, T0, T0, Ended.STOP)
    assert (address.before, address.refused) == (LogPosition(T0, "ETHUSDT"), ())
    assert "before" not in address.query()
    assert address.query(LogPosition(T0, "BTCUSDT")).endswith(f"before={T0}%3ABTCUSDT")


@pytest.mark.parametrize(("field", "text"), [*WRONG.items(), ("before", "here")])
def test_what_is_not_understood_is_left_out_and_named(field: str, text: str) -> None:
    address = read_address({field: text}, SYMBOLS, UTC)
    message = f"{field}: '{text}' is not understood and left out"
    assert address.query() == ""
    assert address == (LogFilter(), None, {}, (message,))


@given(st.dictionaries(st.sampled_from([*WRONG, "before"]), st.text()))
def test_no_address_breaks_it(asked: dict[str, str]) -> None:
    read_address(asked, SYMBOLS, UTC).query()
