"""The shared pause: as long as the exchange demands, logged once."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.pause import Pause
from crypto_bot.domain.retry_after import USUAL_PAUSE_MS, retry_after_ms

NOW_MS = 1_764_547_200_000


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        ("7", 7_000),
        ("0.5", 500),
        ("-3", 0),
        ("", USUAL_PAUSE_MS),
        ("soon", USUAL_PAUSE_MS),
        ("nan", USUAL_PAUSE_MS),
        ("inf", USUAL_PAUSE_MS),
        (format_datetime(datetime.fromtimestamp(NOW_MS / 1000 + 90, UTC), usegmt=True), 90_000),
        ("Mon, 01 Dec 2025 00:00:30 -0000", 30_000),
        ("Mon, 01 Dec 2025 00:00:00 GMT", 0),
        ("Sun, 30 Nov 2025 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read(header: str, wait_ms: int) -> None:
    assert retry_after_ms({"Content-Type": "text/html", "retry-after": header}, NOW_MS) == wait_ms
    assert retry_after_ms({}, NOW_MS) == USUAL_PAUSE_MS


@given(st.text())
def test_no_header_can_break_it(header: str) -> None:
    assert retry_after_ms({"Retry-After": header}, NOW_MS) >= 0


async def test_all_wait_until_the_latest_end_and_one_event_is_logged(clock: Any) -> None:
    start_ms = clock.at_ms
    pause = Pause("binance", clock)

    with capture_logs() as events:
        assert not await pause.keep()
        pause.begin(3_000, "429")
        pause.begin(5_000, "429")
        pause.begin(1_000, "429")
        assert await pause.keep()
        assert not await pause.keep()

    assert clock.at_ms - start_ms == 5_000
    assert [event["event"] for event in events] == ["exchange.paused"]
    assert events[0]["pause_s"] == 3.0
