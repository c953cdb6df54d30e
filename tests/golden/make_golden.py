"""Rewrites the golden files with what the code of now makes: `python -m tests.golden.make_golden`.

With names of parts (`training`, `replay`, `page`), only theirs. Prints what differs from the files
before; say in CHANGES.md what changed and why.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.golden.comparing import differences
from tests.golden.machine import fingerprint
from tests.golden.page import bodies, served, texts
from tests.golden.replay import replayed
from tests.golden.training import FAMILIES, trained

FILES = Path(__file__).parent / "files"
_SHOWN = 40
PARTS = ("training", "replay", "page")


def main(parts: Sequence[str]) -> None:
    """Makes the files of `parts`, all without any."""
    for part in parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            _make(part, Path(folder))


def _make(part: str, folder: Path) -> None:
    if part == "training":
        for family in FAMILIES:
            (folder / family).mkdir()
            _write(f"training_{family}", trained(folder / family, family))
    elif part == "replay":
        _write("replay", replayed(folder))
    elif part == "page":
        with served(folder) as url:
            _write("api", bodies(url))
            for name, text in texts(url, {}):
                (FILES / f"page_{name}.txt").write_text(text, "utf-8")
    else:
        raise SystemExit(f"unknown part '{part}': use {', '.join(PARTS)}")


def _write(name: str, made: dict[str, Any]) -> None:
    made = json.loads(json.dumps(made))
    if (FILES / f"{name}.json.gz").exists():
        lines = list(differences(read(name)["made"], made, None))
        print(f"{name}: {len(lines)} differences", *lines[:_SHOWN], sep="\n  ")
    content = json.dumps({"machine": fingerprint(), "made": made}, separators=(",", ":"))
    (FILES / f"{name}.json.gz").write_bytes(gzip.compress(content.encode(), mtime=0))


def read(name: str) -> dict[str, Any]:
    """A stored file: the `machine` that it was made on, and what was `made`."""
    content: dict[str, Any] = json.loads(gzip.decompress((FILES / f"{name}.json.gz").read_bytes()))
    return content


if __name__ == "__main__":
    main(sys.argv[1:])
