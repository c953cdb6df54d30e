"""The groups of features that a feature set may be joined by, such as `per_coin_v2+funding`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto_bot.domain.registry import Registry

if TYPE_CHECKING:
    from crypto_bot.features.groups.group import FeatureGroup

FEATURE_GROUPS: Registry[FeatureGroup] = Registry("feature group")
for _name in ("taker_flow", "funding", "premium", "implied_volatility", "releases"):
    FEATURE_GROUPS.register(_name, f"crypto_bot.features.groups.{_name}:{_name.upper()}")
