"""`per_coin_v2` with every registered group of features."""

from crypto_bot.features.groups.registered import FEATURE_GROUPS

ALL_GROUPS = "+".join(("per_coin_v2", *FEATURE_GROUPS.names()))
