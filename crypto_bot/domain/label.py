"""Label specs: which classes a prediction distinguishes, at which horizon, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.horizon import Horizon


class Direction(NamedTuple):
    """Indices of the classes in which the price falls, stays and rises; `neutral` may be empty."""

    down: tuple[int, ...]
    neutral: tuple[int, ...]
    up: tuple[int, ...]

    def as_json(self) -> list[Any]:
        """A number for a single class, a list elsewhere."""
        return [each[0] if len(each) == 1 else list(each) for each in self]

    @classmethod
    def from_json(cls, held: Sequence[Any]) -> Direction:
        """Of what `as_json` gave."""
        down, neutral, up = ((each,) if isinstance(each, int) else tuple(each) for each in held)
        return cls(down, neutral, up)


SHORT_NO_TRADE_LONG = ("SHORT", "NO_TRADE", "LONG")
DOWN_NEUTRAL_UP = Direction((0,), (1,), (2,))


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """A label by its parameters.

    `rule` names how a class is decided (`labels.registered`), `thresholds` are that rule's numbers,
    in ATR(14) or as a share of the entry. `classes` are in the order of the columns of
    probabilities and of the integers of label arrays. `direction` says which of them stand for a
    fall, no move and a rise; None where the classes say nothing of direction: no trade follows from
    such a label. Raises ConfigError where they do not fit together.
    """

    name: str
    rule: str
    horizon: Horizon
    thresholds: tuple[float, ...]
    classes: tuple[str, ...] = SHORT_NO_TRADE_LONG
    direction: Direction | None = None

    def __post_init__(self) -> None:
        count = len(self.classes)
        if count < 2 or len(set(self.classes)) < count:
            raise ConfigError(f"label {self.name}: it needs two or more classes, each named once")
        if self.direction is None:
            return
        down, neutral, up = self.direction
        if not (down and up) or sorted(down + neutral + up) != list(range(count)):
            raise ConfigError(
                f"label {self.name}: each class is a fall, no move or a rise, and falls and rises "
                "have a class at least"
            )

    @property
    def three_way(self) -> Direction | None:
        """`direction` where a fall, no move and a rise are one class each, else None.

        Such a label can be asked as two questions: whether it moves, and which way.
        """
        single = self.direction is not None and all(len(each) == 1 for each in self.direction)
        return self.direction if single else None

    @property
    def words(self) -> str:
        """Such as `A: hold_atr 0.75, horizon 4b`."""
        rule = " ".join([self.rule, *(f"{each:g}" for each in self.thresholds)])
        return f"{self.name}: {rule}, horizon {self.horizon}"

    def as_json(self) -> dict[str, Any]:
        """Plain values, as a model's `meta.json` and the database hold them."""
        return {
            "name": self.name,
            "rule": self.rule,
            "horizon": str(self.horizon),
            "thresholds": list(self.thresholds),
            "classes": list(self.classes),
            "direction": None if self.direction is None else self.direction.as_json(),
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> LabelSpec:
        """Of what `as_json` gave, or of the four fields that labels had before they named classes.

        Those four are name, rule, `horizon_bars` and one `threshold`, of SHORT, NO_TRADE and LONG.
        """
        if "horizon_bars" in held:
            horizon, threshold = Horizon(held["horizon_bars"]), held["threshold"]
            return cls(
                *(held["name"], held["rule"], horizon, (threshold,)), direction=DOWN_NEUTRAL_UP
            )
        direction = held["direction"]
        return cls(
            name=held["name"],
            rule=held["rule"],
            horizon=Horizon.parse(held["horizon"]),
            thresholds=tuple(held["thresholds"]),
            classes=tuple(held["classes"]),
            direction=None if direction is None else Direction.from_json(direction),
        )
