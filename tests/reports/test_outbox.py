"""The outbox of one receiver, on a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, time
from itertools import pairwise

from crypto_bot.domain.instant import MINUTE_MS
from crypto_bot.domain.notice import Level, Message, Notice, QuietHours, Topic
from crypto_bot.reports.outbox import CAPACITY, GATHER_MS, KEEP_MS, Outbox, Rules

NOON_MS = int(datetime(2025, 12, 1, 12, tzinfo=UTC).timestamp() * 1000)
NIGHT = Rules(quiet=QuietHours(time(22), time(7)))


def notice(text: str = "x", level: Level = Level.INFO, topic: Topic = Topic.SIGNAL) -> Notice:
    return Notice(topic, level, text)


def run(
    box: Outbox, puts: list[tuple[int, Notice]], until_ms: int, *, works: bool = True
) -> list[tuple[int, Message]]:
    """Plays `puts` (when, what) against a thread that sends whatever is due; (when, message)."""
    sent: list[tuple[int, Message]] = []
    now_ms = puts[0][0] if puts else 0
    pending = list(puts)
    while now_ms <= until_ms:
        while pending and pending[0][0] <= now_ms:
            box.put(pending.pop(0)[1], now_ms)
        wait_ms = box.wait_ms(now_ms)
        if wait_ms == 0:
            message = box.take(now_ms)
            assert message is not None
            sent.append((now_ms, message))
            (box.delivered if works else box.failed)(now_ms)
            continue
        ahead = [now_ms + wait_ms] if wait_ms is not None else []
        ahead += [pending[0][0]] if pending else []
        if not ahead:
            break
        now_ms = min(ahead)
    return sent


def test_one_notice_is_sent_unchanged_and_more_are_batched_for_a_short_time() -> None:
    box = Outbox(Rules(level=Level.WARNING))
    first, second = notice("one", Level.WARNING), notice("two", Level.WARNING)
    puts = [(NOON_MS, notice("below the level")), (NOON_MS, first)]
    assert run(box, puts, NOON_MS + 9_000) == [
        (NOON_MS + GATHER_MS, Message("crypto_bot: signal", "one", Level.WARNING))
    ]
    ((_, message),) = run(
        box, [(NOON_MS + 9_000, first), (NOON_MS + 10_500, second)], NOON_MS + 20_000
    )
    assert message.title == "crypto_bot: 2 notices"
    assert message.body == "12:00:09 WARNING one\n12:00:10 WARNING two"
    assert (box.sent, box.dropped, box.waiting) == (3, 0, 0)


def test_a_thousand_in_a_minute_become_a_digest() -> None:
    box = Outbox(Rules())
    puts = [(NOON_MS + at * 60, notice(f"event {at}")) for at in range(1_000)]
    sent = run(box, puts, NOON_MS + 10 * MINUTE_MS)
    assert len(sent) == 4, "three at most in a minute, and the digest of all the rest"
    *first, (at_ms, digest) = sent
    assert all(moment < NOON_MS + 10_000 for moment, _ in first)
    assert at_ms == first[0][0] + MINUTE_MS
    assert (box.sent, box.dropped, box.waiting) == (1_000, 0, 0)
    lines = digest.body.splitlines()
    counted = int(digest.title.split()[1].replace(",", ""))
    assert counted > 880
    assert lines[0].endswith(f": {counted} signal")
    assert lines[-2].endswith("event 999")
    assert lines[-1] == f"and {counted - 12} more"
    assert len(digest.body) < 4_096


def test_signals_do_not_hide_what_the_engine_says() -> None:
    box = Outbox(Rules())
    puts = [(NOON_MS, notice("the engine has started", topic=Topic.ENGINE))]
    puts += [(NOON_MS + at, notice(f"signal {at}")) for at in range(100)]
    ((_, message),) = run(box, puts, NOON_MS + MINUTE_MS)
    assert "the engine has started" in message.body
    assert [f"signal {at}" in message.body for at in (88, 89, 99)] == [False, True, True]


def test_a_minute_has_at_most_three_messages_plus_one_for_an_alarm() -> None:
    box = Outbox(Rules())
    puts = [(NOON_MS + at * 3_000, notice()) for at in range(200)]
    alarm = NOON_MS + 100_000, notice("stopped", Level.ALARM, Topic.BREAKER)
    sent = run(box, sorted([*puts, alarm]), NOON_MS + 700_000)
    times = [at_ms for at_ms, _ in sent]
    with_alarm = next(at_ms for at_ms, message in sent if message.level is Level.ALARM)
    assert with_alarm <= alarm[0] + GATHER_MS
    for at_ms in times:
        inside = [other for other in times if at_ms <= other < at_ms + MINUTE_MS]
        assert len(inside) <= 3 + any(other == with_alarm for other in inside)
    assert box.sent == 201


def test_quiet_hours_end_with_one_digest_and_alarms_do_not_wait() -> None:
    box = Outbox(NIGHT)
    evening_ms = NOON_MS + 11 * 3_600_000
    puts = [(evening_ms + at * 600_000, notice(f"night {at}")) for at in range(30)]
    puts.append((evening_ms + 5_000_000, notice("drawdown", Level.ALARM, Topic.BREAKER)))
    sent = run(box, sorted(puts), evening_ms + 12 * 3_600_000)
    assert [message.title for _, message in sent] == [
        "crypto_bot: breaker",
        "crypto_bot: 30 notices",
    ]
    assert sent[0][0] == evening_ms + 5_000_000 + GATHER_MS
    morning = datetime.fromtimestamp(sent[1][0] / 1000, UTC)
    assert (morning.hour, morning.minute) == (7, 0)


def test_retries_back_off_and_end_with_one_digest() -> None:
    box = Outbox(Rules())
    puts = [(NOON_MS + at * 10_000, notice(f"event {at}")) for at in range(60)]
    tried = run(box, puts, NOON_MS + 1_200_000, works=False)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(tried)]
    assert gaps[:7] == [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000]
    assert max(gaps) == 300_000
    assert box.is_failing
    assert (box.waiting, box.dropped) == (60, 0)
    sent = run(box, [(NOON_MS + 1_300_000, notice("event 60"))], NOON_MS + 2_400_000)
    assert [message.title for _, message in sent] == ["crypto_bot: 61 notices"]
    assert not box.is_failing
    assert box.sent == 61


def test_undeliverable_notices_are_dropped_and_reported() -> None:
    box = Outbox(Rules())
    run(box, [(NOON_MS, notice("old"))], NOON_MS + KEEP_MS + 600_000, works=False)
    assert (box.waiting, box.dropped) == (0, 1)
    ((_, message),) = run(box, [(NOON_MS + 2 * KEEP_MS, notice("new"))], NOON_MS + 3 * KEEP_MS)
    assert message.body.splitlines()[1] == "dropped before these: 1"


def test_beyond_capacity_the_oldest_of_the_lowest_level_are_dropped() -> None:
    box = Outbox(Rules())
    box.put(notice("alarm", Level.ALARM), NOON_MS)
    for number in range(CAPACITY + 9):
        box.put(notice(f"event {number}"), NOON_MS)
    assert (box.waiting, box.dropped) == (CAPACITY, 10)
    message = box.take(NOON_MS)
    assert message is not None
    assert message.title == "crypto_bot: 1,000 notices"
    assert "ALARM alarm" in message.body
    assert f"event {CAPACITY + 8}" in message.body
    assert message.body.endswith("and 988 more\ndropped before these: 10")
    box.failed(NOON_MS)
    box.put(notice("one more"), NOON_MS)
    assert (box.waiting, box.dropped) == (CAPACITY, 11)


def test_abandoned_notices_count_as_dropped() -> None:
    box = Outbox(Rules())
    box.put(notice(), NOON_MS)
    box.abandon()
    assert (box.waiting, box.sent, box.dropped) == (0, 0, 1)
    assert box.take(NOON_MS) is None
