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


def encoding_of(start: bytes) -> str:
    """Of a file that begins so: UTF-8, with a byte order mark or without, or UTF-16 with one."""
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if wide else "utf-8-sig"


def decoded(content: bytes) -> str:
    """The text of a file, see `encoding_of`. Raises ValueError for any other encoding."""
    try:
        return content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        raise ValueError("its encoding is not UTF-8: save it as UTF-8") from error
