"""Families by the names that people use, and by those that models are stored under."""

import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.registry import Registry
from crypto_bot.models.families import registered
from crypto_bot.models.families.logistic import LogisticSettings
from crypto_bot.models.families.registered import (
    FAMILIES,
    FamilyChoice,
    newest_version,
    public_names,
)
from crypto_bot.training.plan import TrainingPlan


def test_a_public_name_is_the_newest_version(monkeypatch: pytest.MonkeyPatch) -> None:
    names: Registry[object] = Registry("family")
    for name in ("net_v2", "net_v10", "net_v9", "plain"):
        names.register(name, object())
    monkeypatch.setattr(registered, "FAMILIES", names)
    assert [newest_version(name) for name in ("net", "net_v2", "plain")] == [
        *("net_v10", "net_v2", "plain")
    ]
    assert public_names() == ("net", "plain")
    with pytest.raises(ConfigError, match="unknown family 'net_v3': use one of net, plain"):
        newest_version("net_v3")


def test_models_stored_under_the_former_name_of_a_family_are_read() -> None:
    assert FAMILIES.get("trees_v1") is FAMILIES.get("lightgbm_v1")
    assert "trees" not in public_names()


def test_only_a_family_that_starts_from_models_is_tuned() -> None:
    logistic = FamilyChoice("logistic_v1")
    with pytest.raises(ConfigError, match="logistic_v1 cannot start from another model"):
        TrainingPlan(("BTCUSDT",), logistic, tuning=LogisticSettings())
