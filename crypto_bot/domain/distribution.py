"""What a model predicts: probabilities of named classes."""

from __future__ import annotations

from typing import NamedTuple


class Distribution(NamedTuple):
    """Probabilities of the named classes of a label, in their order; they sum to 1."""

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    def of(self, name: str) -> float:
        """The probability of the class `name`. Raises ValueError where there is no such class."""
        return self.probabilities[self.classes.index(name)]

    def by_class(self) -> dict[str, float]:
        """Name of each class -> its probability."""
        return dict(zip(self.classes, self.probabilities, strict=True))
