"""`crypto-bot models`: what a person sees and does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, publish
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.gates import is_chance
from crypto_bot.models.verdict import Verdict
from crypto_bot.training import leak_audit
from crypto_bot.training.panel import Coin, Question, build_panel
from crypto_bot.training.plan import SplitPlan, TrainingPlan
from tests.app.conftest import Run
from tests.app.made_candles import write
from tests.models.made_models import STEP_MS, blocked, judged, tiny_model
from tests.training.made_market import planted

M15 = Timeframe.parse("15m")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def any_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made models and the shipped one are served however old they are."""
    for name in ("MAX_AGE_DAYS", "POOL_MAX_AGE_DAYS"):
        monkeypatch.setenv(f"CRYPTO_BOT_MODELS__{name}", "36500")


@pytest.fixture
def models(run: Run, folder: Path) -> Run:
    """Runs `crypto-bot models WORDS…` on the folder of the test."""
    return lambda *words: run("models", *words, "--models_dir", str(folder))


def test_list_says_what_is_served_and_why_not(folder: Path, models: Run) -> None:
    good = tiny_model("BTCUSDT")
    publish(good, folder)
    publish(judged(tiny_model("ETHUSDT"), Verdict.BLOCKED), folder)
    publish(tiny_model("SOLUSDT"), folder)
    (folder_of(folder, "SOLUSDT", "15m") / "meta.json").write_text("{")
    code, printed = models("list")
    assert code == 0
    rows = {line.split()[1]: line for line in printed.splitlines() if "USDT" in line}
    assert good.version in rows["BTCUSDT"]
    assert "yes" in rows["BTCUSDT"]
    assert "refused" in rows["ETHUSDT"]
    assert "BLOCKED" in rows["ETHUSDT"]
    assert "refused" in rows["SOLUSDT"]


def test_list_names_stale_models_with_age_and_limit(
    folder: Path, models: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_BOT_MODELS__MAX_AGE_DAYS", "0.5")
    publish(tiny_model("BTCUSDT"), folder)
    code, printed = models("list")
    assert code == 0
    (row,) = (line for line in printed.splitlines() if "BTCUSDT" in line)
    assert "STALE" in row
    assert "its data ended at 2025-10-09" in row
    assert "0.5 days are the limit" in printed


def test_the_pool_is_served_to_the_coins_without_a_model_of_their_own(
    tmp_path: Path, folder: Path, models: Run
) -> None:
    followed = tmp_path / "symbols.json"
    followed.write_text('["BTCUSDT", "ETHUSDT", "SOLUSDT"]')
    words = ("--symbols_file", str(followed))
    pool = tiny_model(None)
    publish(pool, folder)
    publish(tiny_model("ETHUSDT", seed=7), folder)
    _, printed = models("list", *words)
    (row,) = (line for line in printed.splitlines() if pool.version in line)
    assert "for 2 of 3 coins: those without a model of their own" in row
    for name in ("BTC", "BTCUSDT"):
        code, printed = models("show", name, *words)
        assert code == 0
        assert "BTCUSDT has no model of its own, the pool answers for it" in printed
        assert pool.version in printed
    code, printed = models("show", "ETH", *words)
    assert code == 0
    assert "has no model of its own" not in printed
    publish(judged(pool, Verdict.BLOCKED), folder)
    _, printed = models("list", *words)
    (row,) = (line for line in printed.splitlines() if pool.version in line)
    assert "refused" in row
    assert "is BLOCKED: made for a test" in row
    _, printed = models("show", "BTC", *words)
    assert "BTCUSDT has no model of its own, and the pool is refused" in printed


def test_the_shipped_pool_answers_for_all_coins(run: Run) -> None:
    code, printed = run("models", "list")
    assert code == 0
    (row,) = (line for line in printed.splitlines() if "pool" in line)
    assert "for 32 of 32 coins: those without a model of their own" in row


def test_show_and_rollback(folder: Path, models: Run) -> None:
    old, new = tiny_model("BTCUSDT", seed=1), tiny_model("BTCUSDT", seed=2)
    publish(old, folder)
    new = replace(new, members={"cnn_lstm": (0.5, 0.34), "logistic": (0.0, 0.66)})
    publish(new, folder)
    code, printed = models("show", "BTCUSDT")
    assert code == 0
    assert "of cnn_lstm 50%, which way 34%; logistic 0%, which way 66%, 8 bars" in printed
    assert "hold_atr 0.75, horizon 4b" in printed
    assert "can       resumes a killed fit, starts from another model, is stacked" in printed
    assert "direction_auc" in printed
    assert f"* 0002  {new.version}" in printed
    assert f"  0001  {old.version}" in printed
    code, printed = models("rollback", "BTCUSDT")
    assert code == 0
    assert old.version in printed
    code, printed = models("rollback", "BTCUSDT")
    assert code == 1
    assert "no earlier version" in printed


def test_diff_names_what_two_models_do_not_share(folder: Path, models: Run) -> None:
    old, new = tiny_model("BTCUSDT", seed=1), tiny_model("BTCUSDT", seed=2)
    publish(old, folder)
    publish(replace(new, seed=2), folder)
    publish(old, folder / "challengers")
    code, printed = models("diff", "BTCUSDT@1", "BTCUSDT")
    assert code == 0
    rows = {line.split("│")[1].strip() for line in printed.splitlines() if "│" in line}
    assert rows == {"version", "seed"}, printed
    assert old.version in printed
    assert new.version in printed
    code, printed = models("diff", "challenger:BTCUSDT", "BTCUSDT@1")
    assert (code, "do not differ" in printed) == (0, True)
    code, printed = models("diff", "BTCUSDT@9", "pool")
    assert (code, "there is no version 9, but 1, 2" in printed) == (1, True)


def test_verify_finds_damage_in_any_version(folder: Path, models: Run) -> None:
    for seed in range(3):
        publish(tiny_model("BTCUSDT", seed=seed), folder)
    assert models("verify") == (0, "3 versions of 1 models: 0 refused\n")
    first = versions.versions(folder_of(folder, "BTCUSDT", "15m"))[0]
    (first / "metrics.json").write_text("{}")
    code, printed = models("verify")
    assert code == 1
    assert "metrics.json is not what meta.json says" in printed.replace("\n", "")
    assert "3 versions of 1 models: 1 refused" in printed


@pytest.mark.parametrize("words", [("list",), ("verify",), ("show", "BTCUSDT")])
def test_no_model_is_one_line(models: Run, words: tuple[str, ...]) -> None:
    code, printed = models(*words)
    assert code == 1
    assert printed.startswith("crypto-bot: no model")
    assert printed.count("\n") == 1


def walk(bars: int, seed: int) -> CandleTable:
    rng = np.random.default_rng(seed)
    hours = np.arange(bars) / 4.0
    volatility = 0.002 * np.exp(0.4 * np.sin(2.0 * np.pi * hours / 24.0))
    close = 100.0 * np.exp(np.cumsum(volatility * rng.standard_normal(bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    reach = np.exp(volatility * np.abs(rng.standard_normal((2, bars))))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    table = np.column_stack([opened, high, low, close, np.exp(rng.standard_normal(bars))])
    return CandleTable(1_700_000_100_000 // STEP_MS * STEP_MS + STEP_MS * np.arange(bars), table)


@pytest.mark.parametrize(
    "case",
    [
        ("BTCUSDT", "it trends", 2, "is ACTIVE: only a BLOCKED model can be accepted"),
        ("ETHUSDT", " ", 2, "--because must say why the model is sound"),
        ("SOLUSDT", "it trends", 1, "stays BLOCKED: prefix in words"),
        ("XRPUSDT", "it trends", 1, "no model of XRPUSDT 15m"),
        ("ETHUSDT", "it trends", 2, "no candles of ETHUSDT at"),
    ],
)
def test_what_cannot_be_accepted_is_one_line(
    tmp_path: Path, folder: Path, models: Run, case: tuple[str, str, int, str]
) -> None:
    symbol, why, code, expected = case
    publish(tiny_model("BTCUSDT"), folder)
    publish(blocked(tiny_model("ETHUSDT")), folder)
    publish(blocked(tiny_model("SOLUSDT"), "prefix"), folder)
    write_candles(tmp_path / "candles", "BTCUSDT", 100)
    words = ("accept", symbol, "--because", why, "--candles", str(tmp_path / "candles"))
    got, printed = models(*words)
    assert (got, printed.count("\n")) == (code, 1)
    assert expected in printed


def write_candles(folder: Path, symbol: str, bars: int) -> None:
    """A folder with random candles of one symbol."""
    made = walk(bars, 1)
    folder.mkdir()
    write(folder / f"{symbol}.parquet", np.column_stack([made.open_ms, made.candles]))


@pytest.mark.slow
def test_a_blocked_model_is_audited_and_accepted(tmp_path: Path, folder: Path, models: Run) -> None:
    publish(blocked(tiny_model("BTCUSDT"), coins=("BTCUSDT", "ETHUSDT")), folder)
    write_candles(tmp_path / "candles", "BTCUSDT", 20_000)
    words = ("accept", "BTCUSDT", "--because", "it trends", "--folds", "1")
    code, printed = models(*words, "--candles", str(tmp_path / "candles"))
    assert code == 0, printed
    assert "per_coin_v1 of BTCUSDT" in printed
    assert "is ACTIVE from the next candle on" in printed
    code, printed = models("show", "BTCUSDT")
    assert code == 0
    assert "accepted  manually, because: it trends" in printed
    assert "audit     shuffled labels: direction AUC" in printed
    code, printed = models("rollback", "BTCUSDT")
    assert code == 0
    assert "BLOCKED" in printed


@pytest.mark.slow
def test_the_audit_passes_honest_features_and_knows_what_is_no_chance() -> None:
    coins = [Coin("BTCUSDT", walk(12_000, 1)), Coin("ETHUSDT", walk(12_000, 2))]
    question = Question(M15, feature_set("per_coin_v1"), LABELS.get("A"), 8)
    splits = SplitPlan(folds=2, test_days=15, validation_days=10, least_fit_days=30)
    checks, leaks = leak_audit.audit(coins, None, question, splits, seed=1)
    assert leaks.changed_columns == ()
    assert not leaks.shuffled_skill.low > 0.0
    assert [check.name for check in checks] == [
        "per_coin_v1 of BTCUSDT",
        "label A of BTCUSDT",
        "per_coin_v1 of ETHUSDT",
        "label A of ETHUSDT",
        "a coin-flip market",
        "shuffled labels",
    ]
    assert all(check.passed for check in checks), checks
    plan = TrainingPlan(("BTCUSDT", "ETHUSDT"), FamilyChoice("logistic_v1"), splits=splits)
    tilted = [Coin(coin.symbol, planted(coin.table, 0.1, seed)) for seed, coin in enumerate(coins)]
    panel = build_panel(tilted, None, question)
    found = leak_audit._direction(leak_audit._walked(panel, panel, plan), seed=1)
    assert not is_chance(found), found
