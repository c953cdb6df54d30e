"""Channels over real HTTP on the loopback address."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.notify.apprise_receiver import hidden, open_receivers
from crypto_bot.adapters.notify.channel import Answer, Channel, Post
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.notice import Level, Message, Notice, Topic
from crypto_bot.ports import Clock
from crypto_bot.reports.outbox import Rules
from tests.adapters.notify.receivers import hanging, later, listening
from tests.e2e.processes import ROOT

# A plug-in that Apprise loads imports a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
SECRET = "hush-hush-4711"


def faster(speed: float) -> AcceleratedClock:
    """A clock of people that runs `speed` times faster, so that a test need not wait."""
    now_ms = SystemClock().now_ms()
    return AcceleratedClock(now_ms, now_ms, speed)


@contextmanager
def posting(urls: str, clock: Clock | None = None) -> Iterator[Post]:
    post = Post(open_receivers(urls), Rules(), clock or faster(20.0))
    try:
        yield post
    finally:
        post.close()
        for channel in post.channels:
            channel.join(120.0)


def notice(text: str = "something", level: Level = Level.INFO) -> Notice:
    return Notice(Topic.ENGINE, level, text)


@pytest.fixture
def root_log() -> Iterator[StringIO]:
    """All that reaches the program's log from libraries."""
    log = StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    yield log
    logging.getLogger().removeHandler(handler)


def test_a_notice_arrives_with_its_level_and_a_thousand_at_once_are_one_message() -> None:
    with listening() as inbox, posting(inbox.url()) as post:
        post.notify(notice("the drawdown is 20 %", Level.ALARM))
        inbox.until(arrived=1)
        expected = ("crypto_bot: engine", "the drawdown is 20 %", "failure")
        message = inbox.messages[0]
        assert (message["title"], message["message"], message["type"]) == expected
        later(lambda: post.counts() == [("1 JSON", 1, 0, 0, True)])
        for number in range(1_000):
            post.notify(notice(f"event {number}"))
        later(lambda: post.counts()[0].sent == 1_001)
        titles = [each["title"] for each in inbox.messages[1:]]
        assert titles == ["crypto_bot: 1,000 notices"]


def test_a_hanging_receiver_delays_no_other() -> None:
    with hanging() as port, listening() as inbox:
        hung = f"json://127.0.0.1:{port}/x?rto=0.5"
        with posting(f"{hung} {inbox.url()}") as post:
            post.notify(notice("first", Level.ALARM))
            inbox.until(arrived=1)  # the other channel has had its own
            for number in range(2_000):
                post.notify(notice(f"event {number}"))
            later(lambda: post.counts()[1].sent >= 1)
            stuck, other = post.counts()
            assert stuck.sent == 0
            assert stuck.dropped >= 1_000, "it holds a thousand, and no more"
            assert other.is_up


def test_a_failing_receiver_is_logged_once_and_gets_everything_when_it_recovers() -> None:
    clock = faster(20.0)
    with capture_logs() as logs, listening() as inbox:
        inbox.status = 503
        with posting(inbox.url(SECRET), clock) as post:
            post.notify(notice("one"))
            inbox.until(asked=4)
            assert not post.counts()[0].is_up
            post.notify(notice("two"))
            inbox.status = 200
            inbox.until(arrived=1)
            later(lambda: post.counts()[0].sent == 2)
    assert "one" in inbox.messages[0]["message"]
    assert "two" in inbox.messages[0]["message"]
    events = [each["event"] for each in logs]
    assert events == ["notify.failing", "notify.delivering"]
    assert "error=503" in logs[0]["reason"]
    assert SECRET not in str(logs)


def test_what_waits_at_the_end_is_sent_once_more_then_dropped_and_logged() -> None:
    with capture_logs() as logs, listening() as inbox:
        inbox.status = 500
        with posting(inbox.url()) as post:
            post.notify(notice("the end"))
        assert inbox.asked == 1
        assert post.counts()[0].dropped == 1
    assert [each["event"] for each in logs] == ["notify.failing", "notify.dropping"]


class Broken:
    """A receiver that fails or works as the test sets it."""

    name = "1 Broken"

    def __init__(self) -> None:
        self.works = False
        self.asked = 0

    def send(self, message: Message) -> Answer:
        self.asked += 1
        return Answer(self.works, "no")


def test_drops_are_logged_when_they_begin_not_one_by_one() -> None:
    clock, receiver = faster(1_000.0), Broken()
    with capture_logs() as logs:
        channel = Channel(receiver, Rules(), clock)
        for number in range(3_000):
            channel.put(notice(f"event {number}"))
        later(lambda: receiver.asked >= 4)
        for number in range(3_000):
            channel.put(notice(f"event {number}"))
        asked = receiver.asked
        later(lambda: receiver.asked >= asked + 2)
        receiver.works = True
        later(lambda: channel.counts().is_up)
        channel.close()
        channel.join(120.0)
    events = [each["event"] for each in logs]
    assert sorted(events) == ["notify.delivering", "notify.dropping", "notify.failing"]
    assert channel.counts().dropped == 5_000


@pytest.mark.parametrize(
    "urls", [f"nonsense://{SECRET}", f"json://127.0.0.1:9/ok json://:{SECRET}@", "json://", " "]
)
def test_a_url_that_cannot_be_is_refused_without_being_shown(urls: str, root_log: StringIO) -> None:
    with pytest.raises(ConfigError, match="CRYPTO_BOT_NOTIFY__URLS") as refused:
        open_receivers(urls)
    assert SECRET not in str(refused.value)
    assert SECRET not in root_log.getvalue()
    assert "\n" not in str(refused.value)


def test_no_part_of_a_url_is_shown_in_errors(root_log: StringIO) -> None:
    (receiver,) = open_receivers(f"json://user:{SECRET}@127.0.0.1:9/path-{SECRET}")
    answer = receiver.send(Message("title", "body", Level.INFO))
    assert not answer.delivered
    assert answer.detail.startswith("A Connection error occurred")
    for part in (SECRET, "127.0.0.1", "user"):
        assert part not in answer.detail
        assert part not in root_log.getvalue()
    assert receiver.name == "1 JSON"
    shown = hidden(
        "no bot1:AbCd%2Fefgh nor abcd/efgh at chat 9988", "tgram://bot1:AbCd%2Fefgh/9988"
    )
    assert shown == "no ***:*** nor ***/*** at chat ***"


def test_nothing_of_apprise_is_loaded_without_receivers() -> None:
    probe = (
        "import sys, crypto_bot.app.daemon, crypto_bot.app.commands.notify\n"
        "from crypto_bot.adapters.clock import SystemClock\n"
        "from crypto_bot.app.notices import Notices\n"
        "from crypto_bot.app.service_settings import NotifySettings\n"
        "Notices(NotifySettings(), SystemClock())\n"
        "print([name for name in sys.modules if name.startswith('apprise')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
