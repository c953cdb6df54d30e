"""Every column of `per_coin_v2` against an independent definition with plain slices."""

from datetime import UTC, datetime

import numpy as np
import pytest

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import feature_set
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Floats
from tests.features.made_candles import walk

TF = Timeframe.parse("15m")
ANCHOR = 800


def ema(values: Floats, alpha: float, start: float) -> Floats:
    out = np.empty_like(values)
    out[0] = level = start
    for i in range(1, values.size):
        level = out[i] = level + alpha * (values[i] - level)
    return out


class Definition:
    """The columns at bar `t` of one coin, as FEATURE -> value."""

    def __init__(self, coin: CandleTable, t: int) -> None:
        self.opened, self.high, self.low, self.close, self.volume = (
            column[: t + 1] for column in coin.candles.T
        )
        self.bar = int(coin.open_ms[t] // TF.ms)
        self.at = t
        self.logs = np.log(self.close)
        self.r = np.diff(self.logs, prepend=self.logs[0])
        before = np.concatenate((self.close[:1], self.close[:-1]))
        self.reach = np.maximum(self.high, before) - np.minimum(self.low, before)
        # the averages begin at the anchor before the previous one, or where the candles do
        first = max(0, t - self.bar % ANCHOR - ANCHOR)
        self.change = np.diff(self.close, prepend=self.close[0])
        c = self.close[first:]
        fast, slow = ema(c, 2 / 13, c[0]), ema(c, 2 / 27, c[0])
        self.macd = (fast - slow)[-1]
        self.signal = ema(fast - slow, 0.2, 0.0)[-1]
        self.ema_50, self.ema_200 = ema(c, 2 / 51, c[0])[-1], ema(c, 2 / 201, c[0])[-1]
        rise = ema(np.maximum(self.change[first:], 0.0), 1 / 14, 0.0)[-1]
        fall = ema(np.maximum(-self.change[first:], 0.0), 1 / 14, 0.0)[-1]
        self.rsi = 100.0 * rise / (rise + fall)
        atr = np.empty_like(self.reach)  # from the beginning: the difference is below 1e-20
        for i in range(atr.size):
            atr[i] = (
                self.reach[: i + 1].mean() if i < 14 else atr[i - 1] * 13 / 14 + self.reach[i] / 14
            )
        self.atr, self.share = atr[-1], (atr / self.close)[-1]
        self.share_week = (atr / self.close)[-672:].mean()

    def ret(self, over: int, ago: int = 0) -> float:
        return float(self.logs[self.at - ago] - self.logs[self.at - ago - over])

    def sd(self, over: int) -> float:
        return float(self.r[1:][-over:].std())

    def sums(self, values: Floats, over: int) -> float:
        return float(values[-over:].sum())

    def range_of(self, over: int) -> tuple[float, float]:
        return float(np.log(self.high[-over:].max())), float(np.log(self.low[-over:].min()))

    def closed(self, block: int, span: int) -> tuple[float, float]:
        ends = [i for i in range(self.at + 1) if (self.bar - self.at + i + 1) % block == 0][::-1]
        logs = self.logs[ends]
        weights = (1 - 2 / (span + 1)) ** np.arange(min(24, len(ends)))
        average = (weights * logs[: weights.size]).sum() / weights.sum()
        return float(self.logs[ends[0]] - self.logs[ends[0] - block]), float(logs[0] - average)

    def base(self, lead: "Definition") -> dict[str, float]:
        out = {f"ret_{k}": self.ret(k) / self.share / k**0.5 for k in (1, 2, 4, 8, 16, 32, 96)}
        c, h, low, o = self.close[-1], self.high[-1], self.low[-1], self.opened[-1]
        last = self.close[-20:]
        top, bottom = self.high[-14:].max(), self.low[-14:].min()
        v = self.volume[-96:]
        out |= {
            "rsi_14": self.rsi / 50 - 1,
            "macd": self.macd / self.atr,
            "macd_histogram": (self.macd - self.signal) / self.atr,
            "bollinger_z": (c - last.mean()) / last.std(),
            "ema_50_distance": (c - self.ema_50) / self.atr,
            "ema_200_distance": (c - self.ema_200) / self.atr,
            "stochastic_14": 2 * (c - bottom) / (top - bottom) - 1,
            "body": (c - o) / (h - low),
            "upper_wick": (h - max(o, c)) / (h - low),
            "lower_wick": (min(o, c) - low) / (h - low),
            "log_range": np.log((h - low) / self.atr),
            "volume_z": (v[-1] - v.mean()) / v.std(),
            "volume_4": np.log(v[-4:].mean() / v.mean()),
            "signed_volume_16": self.signed(16),
            "sd_16_96": np.log(self.sd(16) / self.sd(96)),
            "atr_percent": 100 * self.share,
            "atr_week": np.log(self.share / self.share_week),
            "closed_16_return": self.closed(16, 8)[0] / 4 / self.share,
            "closed_16_stretch": self.closed(16, 8)[1] / 4 / self.share,
            "ret_16_beyond_lead": (self.ret(16) - lead.ret(16)) / 4 / self.share,
        }
        out |= {f"lead_ret_{k}": lead.ret(k) / lead.share / k**0.5 for k in (1, 4, 16)}
        return out

    def signed(self, over: int) -> float:
        signed = self.volume * np.sign(self.r)
        return self.sums(signed, over) / self.sums(self.volume, over)

    def context(self) -> dict[str, float]:
        out: dict[str, float] = {}
        for block, span in ((4, 8), (96, 7)):
            scale = self.share * block**0.5
            moved, stretch = self.closed(block, span)
            out[f"closed_{block}_return"] = moved / scale
            out[f"closed_{block}_stretch"] = stretch / scale
        month = min(2880, self.at)
        for k, over in ((288, 288), (672, 672), (2880, month)):
            out[f"ret_{k}"] = self.ret(over) / self.share / over**0.5
        for k in (96, 672, 2880):
            width = min(k, self.at + 1)
            top, bottom = self.range_of(k)
            out[f"below_high_{k}"] = (top - self.logs[-1]) / self.share / width**0.5
            out[f"above_low_{k}"] = (self.logs[-1] - bottom) / self.share / width**0.5
            out[f"place_in_{k}"] = (self.logs[-1] - bottom) / (top - bottom)
        r = self.r[1:]
        r4 = self.logs[4:] - self.logs[:-4]
        r16 = self.logs[16:] - self.logs[:-16]
        out["sd_96_672"] = np.log(self.sd(96) / self.sd(672))
        out["sd_672_2880"] = np.log(self.sd(672) / self.sd(2880))
        out["sd_4_672"] = np.log(self.sd(4) / self.sd(672))
        for k in (96, 672):
            pairs = (r[1:] * r[:-1])[-k:].sum()
            out[f"autocorrelation_{k}"] = pairs / (r[-k:] ** 2).sum()
        week = (r4[-672:] ** 2).sum()
        out["autocorrelation_4_672"] = (r4[4:] * r4[:-4])[-672:].sum() / week
        out["variance_ratio_4"] = np.log(week / 4 / (r[-672:] ** 2).sum())
        squares = (r[-2880:] ** 2).mean()
        out["variance_ratio_16"] = np.log((r16[-2880:] ** 2).mean() / 16 / squares)
        return out

    def microstructure(self) -> dict[str, float]:
        reach = np.where(self.high > self.low, self.high - self.low, np.inf)
        clv = (2 * self.close - self.high - self.low) / reach
        lower = np.minimum(self.opened, self.close) - self.low
        wicks = (lower - self.high + np.maximum(self.opened, self.close)) / reach
        v, r, day = self.volume, self.r, self.sd(96)
        out: dict[str, float] = {"clv": clv[-1], "volume_return_16": 0.0}
        out |= {f"signed_volume_{k}": self.signed(k) for k in (4, 96)}
        out |= {f"clv_{k}": clv[-k:].mean() for k in (4, 16)}
        out |= {f"wicks_{k}": wicks[-k:].mean() for k in (4, 16, 96)}
        for k in (4, 16, 96):
            out[f"volume_clv_{k}"] = self.sums(v * clv, k) / self.sums(v, k)
        out["volume_return_16"] = self.sums(v * r, 16) / self.sums(v, 16) / day
        typical = (self.high + self.low + self.close) / 3
        for k in (96, 672):
            vwap = self.sums(v * typical, k) / self.sums(v, k)
            out[f"vwap_distance_{k}"] = np.log(self.close[-1] / vwap) / self.share / k**0.5
        illiquid = np.abs(r) / np.where(v > 0, v * self.close, np.inf)
        out["illiquidity_16_672"] = np.log(illiquid[-16:].mean() / illiquid[-672:].mean())
        out["volume_96_672"] = np.log(v[-96:].mean() / v[-672:].mean())
        traded = v[-96:] > 0
        pair = np.abs(r[-96:])[traded], np.log(v[-96:][traded])
        out["move_volume_correlation"] = float(np.corrcoef(*pair)[0, 1])
        sixteen = 1 + self.signed(16), 1 - self.signed(16)
        out["up_down_volume_16"] = np.log(sixteen[0] / sixteen[1])
        return out | self.moves(day) | self.ranges(day)

    def moves(self, day: float) -> dict[str, float]:
        r = self.r
        out: dict[str, float] = {}
        for k in (16, 96, 672):
            square = r[-k:] ** 2
            out[f"semivariance_{k}"] = (square * np.sign(r[-k:])).sum() / square.sum()
        for k in (16, 96):
            products = np.abs(r[1:] * r[:-1])[-k:].sum()
            out[f"jump_share_{k}"] = 1 - np.pi / 2 * products / (r[-k:] ** 2).sum()
            out[f"efficiency_{k}"] = abs(self.ret(k)) / np.abs(r[-k:]).sum()
        jumped = [i for i in range(97, r.size) if abs(r[i]) > 4 * r[i - 95 : i + 1].std()]
        since = min(self.at - jumped[-1], 672) if jumped else 672
        out["since_jump"] = np.log(1 + since)
        out["jump_echo"] = np.sign(r[jumped[-1]]) * np.exp(-since / 16) if since < 672 else 0.0
        out["best_96"], out["worst_96"] = r[-96:].max() / day, r[-96:].min() / day
        streak = 0
        while streak < 10 and r[-1] != 0 and np.sign(r[-1 - streak]) == np.sign(r[-1]):
            streak += 1
        out["streak"] = streak * np.sign(r[-1])
        return out | {f"ret_1_lag_{k}": self.ret(1, k) / self.share for k in (1, 2, 3)}

    def ranges(self, day: float) -> dict[str, float]:
        spread = np.log(self.high / self.low) ** 2
        body = np.log(self.close / self.opened) ** 2
        park = {k: (spread[-k:].mean() / 4 / np.log(2)) ** 0.5 for k in (4, 16, 96)}
        garman = (0.5 * spread - (2 * np.log(2) - 1) * body)[-96:].mean() ** 0.5
        return {
            "parkinson_4_96": np.log(park[4] / park[96]),
            "parkinson_16_96": np.log(park[16] / park[96]),
            "garman_klass_96": np.log(garman / park[96]),
            "close_parkinson_96": np.log(day / park[96]),
        }

    def hours(self) -> dict[str, float]:
        at = datetime.fromtimestamp((self.bar + 1) * TF.ms / 1000, UTC)
        hour = at.hour + at.minute / 60
        places = {
            "week": (at.weekday() * 24 + at.hour) / 168,
            "funding": hour % 8 / 8,
            "weekday": at.weekday() / 7,
            "quarter": at.minute / 60,
        }
        out = {
            "hour_sin": np.sin(np.pi * hour / 12),
            "hour_cos": np.cos(np.pi * hour / 12),
            "weekend": float(at.weekday() >= 5),
            "half_day_sin": np.sin(np.pi * hour / 6),
            "half_day_cos": np.cos(np.pi * hour / 6),
            "week_place": places["week"],
            "funding_place": places["funding"],
            "weekday": places["weekday"],
            "hour_place": places["quarter"],
        }
        for name, place in places.items():
            out[f"{name}_sin"] = np.sin(2 * np.pi * place)
            out[f"{name}_cos"] = np.cos(2 * np.pi * place)
        return out


@pytest.mark.parametrize("t", [801, 1337, 1599, 2047, 3003, 3500, 4095, 4200])
def test_every_column_equals_its_definition(t: int) -> None:
    coin, leader = walk(4300, 31), walk(4300, 32, price=60_000.0)
    features = feature_set("per_coin_v2")
    row = batch(features, TF, coin, leader).rows[t]
    own, lead = Definition(coin, t), Definition(leader, t)
    expected = own.base(lead) | own.context() | own.microstructure() | own.hours()
    assert set(expected) == set(features.columns)
    for name, actual in zip(features.columns, row.tolist(), strict=True):
        assert actual == pytest.approx(np.clip(expected[name], -10, 10), rel=1e-7, abs=1e-8), name
