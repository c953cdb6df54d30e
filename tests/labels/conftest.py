"""Labels are tried on the same made candles as features."""

from tests.features.conftest import walk

__all__ = ["walk"]
