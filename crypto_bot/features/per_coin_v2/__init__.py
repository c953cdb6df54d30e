"""The feature set `per_coin_v2`: the state of each coin, and the groups of columns."""
