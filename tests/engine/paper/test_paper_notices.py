"""Notices of paper trading."""

from decimal import Decimal

from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.notice import Level, Topic
from crypto_bot.domain.paper_report import KillSwitch, Refusal
from crypto_bot.domain.risk import RULES
from crypto_bot.domain.signal import Pred
from crypto_bot.engine.paper.notices import BREAKERS, PaperChanges


def event(kind: Kind, account: str = "main", reason: str | None = None) -> Event:
    return Event(
        *("id", account, 0, 0, kind, Decimal(0), "BTCUSDT", "BTCUSDT:15m:0", Pred.LONG, reason),
        price=Decimal("91240.10"),
        amount=Decimal("0.0000100"),
    )


def refusal(rule: str, account: str = "main") -> Refusal:
    return Refusal(account, "BTCUSDT:15m:0", 0, rule, f"reason of {rule}")


def test_only_fills_make_notices() -> None:
    notices = PaperChanges().traded(
        [event(Kind.DEPOSIT), event(Kind.OPEN), event(Kind.STOP), event(Kind.CLOSE, reason="TP1")],
        [refusal("cooldown")],
    )
    assert [(each.topic, each.level, each.text) for each in notices] == [
        (Topic.FILL, Level.INFO, "paper main: opened LONG 0.00001 BTCUSDT at 91240.1"),
        (Topic.FILL, Level.INFO, "paper main: closed LONG 0.00001 BTCUSDT at 91240.1 (TP1)"),
    ]


def test_a_breaker_makes_one_notice_until_its_account_trades_again() -> None:
    changes = PaperChanges()
    (notice,) = changes.traded([], [refusal("drawdown"), refusal("drawdown")])
    assert notice.level is Level.ALARM
    assert notice.text == "paper main has stopped trading: reason of drawdown"
    assert changes.traded([event(Kind.CLOSE)], [refusal("drawdown")])[1:] == []
    assert len(changes.traded([], [refusal("daily_loss"), refusal("drawdown", "careful")])) == 2
    assert [each.topic for each in changes.traded([event(Kind.OPEN)], [])] == [Topic.FILL]
    assert changes.traded([], [refusal("drawdown", "careful")]) == []
    assert len(changes.traded([], [refusal("drawdown")])) == 1


def test_breakers_are_risk_rules() -> None:
    assert set(RULES) >= BREAKERS


def test_turning_the_kill_switch_makes_a_notice() -> None:
    changes = PaperChanges()
    assert changes.switched(KillSwitch(on=False)) == []
    on = KillSwitch(on=True, since_ms=1, by="page", reason="news")
    (notice,) = changes.switched(on)
    assert notice.text == "paper trading was stopped by page: news"
    assert notice.level is Level.ALARM
    assert changes.switched(on) == []
    (notice,) = changes.switched(KillSwitch(on=False, since_ms=2, by="api"))
    assert notice.text == "paper trading was resumed by api"
