"""The feature set `per_coin_v2`: a memory of each coin, and the groups of columns made of it."""
