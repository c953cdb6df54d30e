"""LunarCrush, version 4: how much and how kindly people write about a coin, by day.

https://lunarcrush.com/developers/api/endpoints. `social_score` is its Galaxy Score (0 to 100),
`social_volume` the posts with activity. It gives one sentiment, the share of positive posts in
percent weighted by interactions; `sentiment_neg` is the rest of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crypto_bot.adapters.series.provider import Limits, Provider, Rows, rows_of
from crypto_bot.adapters.series.server import InputFailed, Server, Trouble

_FIELDS = ("galaxy_score", "posts_active", "sentiment")
_PERCENT = Limits(0.0, 100.0)


def _fetch(
    server: Server, coin: str, names: Sequence[str], since_s: int, until_s: int
) -> dict[str, Rows]:
    """One request has all of a coin."""
    path = f"/api4/public/coins/{coin}/time-series/v2"
    rows = server.get(path, _points, bucket="day", start=since_s, end=until_s + 1)
    found: dict[str, Rows] = {
        "social_score": [(at, score) for at, score, _, _ in rows],
        "social_volume": [(at, posts) for at, _, posts, _ in rows],
        "sentiment_pos": [(at, share) for at, _, _, share in rows],
        "sentiment_neg": [(at, _rest(share)) for at, _, _, share in rows],
    }
    return {name: found[name] for name in names}


def _rest(share: Any) -> Any:
    return 100.0 - share if isinstance(share, int | float) else share


def _points(content: Any) -> Any:
    if isinstance(content, dict) and content.get("error"):
        raise InputFailed(Trouble.COIN, f"LunarCrush answers: {content['error']!s:.120}")
    return rows_of(content.get("data") if isinstance(content, dict) else None, "time", *_FIELDS)


LUNARCRUSH = Provider(
    name="lunarcrush",
    url="https://lunarcrush.com",
    variable="LUNARCRUSH_API_KEY",
    pace_s=6.0,  # ten a minute, as the smallest plan allows
    together=True,
    series={
        "social_score": _PERCENT,
        "social_volume": Limits(low=0.0),
        "sentiment_pos": _PERCENT,
        "sentiment_neg": _PERCENT,
    },
    header=lambda key: {"authorization": f"Bearer {key}"},
    fetch=_fetch,
)
