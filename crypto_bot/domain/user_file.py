"""Files as people name and write them: `~` for the home folder, and what editors save."""

from __future__ import annotations

import codecs
from pathlib import Path


def at_home(path: Path) -> Path:
    """`path` with `~` replaced. Raises ValueError where there is no such home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: there is no home folder here, write the path out") from error


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, with a byte order mark or without, or UTF-16 with one.

    Raises ValueError for any other encoding.
    """
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("its encoding is not UTF-8: save it as UTF-8") from error
