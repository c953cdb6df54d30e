"""Where the files lie that come with the program: the list of coins, and the pool's model."""

from __future__ import annotations

from pathlib import Path

import crypto_bot

SYMBOLS = Path("data/symbols_32.json")
MODELS = Path("models")


def shipped(path: Path) -> Path:
    """The program's own copy of what is called `path` in the repository.

    In a wheel it lies in the package's folder `shipped`, in a source tree at its own place.
    """
    package = Path(crypto_bot.__file__).parent
    packed = package / "shipped"
    return (packed if packed.is_dir() else package.parent) / path
