"""A receiver with a thread of its own, so that nothing else waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import structlog

from crypto_bot.domain.notice import Level, Message, Notice
from crypto_bot.ports import ChannelCounts, Clock
from crypto_bot.reports.outbox import Outbox, Rules

_log = structlog.get_logger()


class Answer(NamedTuple):
    """Whether a message was delivered, and the reply or the reason."""

    delivered: bool
    detail: str


class Receiver(Protocol):
    """Delivers messages one at a time, blocking. Does not raise."""

    @property
    def name(self) -> str:
        """Its name for logs."""
        ...

    def send(self, message: Message) -> Answer:
        """Returns when it has answered or timed out."""
        ...


class Channel:
    """Sends notices to `receiver` by the rules of its outbox.

    `clock` has real time. Logs one event for each change: the receiver fails, notices are dropped,
    it delivers again.
    """

    def __init__(self, receiver: Receiver, rules: Rules, clock: Clock) -> None:
        self._receiver = receiver
        self._clock = clock
        self._outbox = Outbox(rules)
        self._turn = threading.Condition()
        self._closing = False
        self._failing = False
        self._dropping = False
        self._dropped = 0
        self._thread = threading.Thread(
            target=self._run, name=f"notify {receiver.name}", daemon=True
        )
        self._thread.start()

    def put(self, notice: Notice) -> None:
        """Never waits: no code waits while it holds the lock."""
        with self._turn:
            # One more notice makes those that wait due no sooner.
            news = self._outbox.waiting == 0 or notice.level is Level.ALARM
            self._outbox.put(notice, self._clock.now_ms())
            if news:
                self._turn.notify()

    def close(self) -> None:
        """Sends what is waiting, once and at once; `join` waits for that."""
        with self._turn:
            self._closing = True
            self._turn.notify()

    def join(self, within_s: float) -> None:
        """Waits for the end of a closed channel; undelivered notices are dropped."""
        self._thread.join(within_s)

    def counts(self) -> ChannelCounts:
        """As of now."""
        with self._turn:
            box = self._outbox
            return ChannelCounts(
                self._receiver.name, box.sent, box.dropped, box.waiting, not box.is_failing
            )

    def _run(self) -> None:
        while True:
            message, is_last = self._next()
            if message is not None:
                self._send(message)
            if is_last:
                with self._turn:
                    self._outbox.abandon()
                self._log_drops()
                return

    def _next(self) -> tuple[Message | None, bool]:
        """Waits until a message is due; (message, whether it is the last)."""
        with self._turn:
            while not self._closing:
                wait_ms = self._outbox.wait_ms(self._clock.now_ms())
                if wait_ms == 0:
                    break
                self._turn.wait(None if wait_ms is None else self._clock.real_seconds(wait_ms))
            return self._outbox.take(self._clock.now_ms()), self._closing

    def _send(self, message: Message) -> None:
        answer = self._receiver.send(message)
        with self._turn:
            if answer.delivered:
                self._outbox.delivered(self._clock.now_ms())
            else:
                self._outbox.failed(self._clock.now_ms())
            waiting = self._outbox.waiting
        name = self._receiver.name
        if not answer.delivered and not self._failing:
            _log.warning("notify.failing", channel=name, reason=answer.detail, waiting=waiting)
        elif answer.delivered and self._failing:
            _log.info("notify.delivering", channel=name)
        self._failing = not answer.delivered
        self._log_drops()

    def _log_drops(self) -> None:
        """One event when drops begin; repeated only after the receiver has recovered."""
        dropped = self._outbox.dropped
        more = dropped > self._dropped
        self._dropped = dropped
        if more and not self._dropping:
            _log.warning("notify.dropping", channel=self._receiver.name, dropped=dropped)
        self._dropping = more or (self._dropping and self._failing)


class Post:
    """Every notice to every channel. A `Notifier`; from any thread."""

    def __init__(self, receivers: Iterable[Receiver], rules: Rules, clock: Clock) -> None:
        self.channels = [Channel(receiver, rules, clock) for receiver in receivers]

    def notify(self, notice: Notice) -> None:
        for channel in self.channels:
            channel.put(notice)

    def counts(self) -> list[ChannelCounts]:
        return [channel.counts() for channel in self.channels]

    def close(self) -> None:
        """Every channel sends what is waiting, at once; no notice may be given after this."""
        for channel in self.channels:
            channel.close()
