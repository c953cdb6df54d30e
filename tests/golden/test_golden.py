"""What the code makes beside the golden files: a training run, a replay, the page and the API.

The numbers of training and replay must be equal to the last bit where the machine is like the one
that the files were made on: CPU vendor, vector instructions, versions of Python and of the
numerical libraries (`machine.fingerprint`). Elsewhere text, integers and the choice of every call
are still compared exactly, floats within `_TOLERANCES`, hashes not at all. The text of the page is
always compared exactly: what it shows is rounded to fewer digits than a vector instruction can
change. Bodies of the API are compared like the replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import IN_A_BROWSER
from tests.golden.comparing import Tolerance, differences
from tests.golden.machine import fingerprint
from tests.golden.make_golden import FILES, read
from tests.golden.page import VIEWS, bodies, served, texts
from tests.golden.replay import replayed
from tests.golden.training import FAMILIES, trained

_TOLERANCES = {"training": Tolerance(1e-3, 1e-2), "replay": Tolerance(1e-6, 1e-6)}
"""Replay: with AVX2 alone instead of AVX-512 the largest difference was 2.4e-8. Training: a bound
that was not measured."""


def compare(name: str, made: dict[str, Any], tolerance: Tolerance) -> None:
    """Fails with the first places that differ."""
    stored = read(name)
    is_alike = stored["machine"] == fingerprint()
    made = json.loads(json.dumps(made))
    lines = list(differences(stored["made"], made, None if is_alike else tolerance))
    assert not lines, f"{len(lines)} differences in {name}:\n" + "\n".join(lines[:40])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_training_run(family: str, tmp_path: Path) -> None:
    compare(f"training_{family}", trained(tmp_path, family), _TOLERANCES["training"])


@pytest.mark.slow
def test_replay(tmp_path: Path) -> None:
    compare("replay", replayed(tmp_path), _TOLERANCES["replay"])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.mark.slow
def test_bodies_of_the_api(url: str) -> None:
    compare("api", bodies(url), _TOLERANCES["replay"])


class TestPage:
    pytestmark = IN_A_BROWSER

    def test_text_of_every_view(self, url: str) -> None:
        stored = {name: (FILES / f"page_{name}.txt").read_text("utf-8") for name in VIEWS}
        for name, text in texts(url, stored):
            assert text.splitlines() == stored[name].splitlines(), name


def test_a_difference_is_found_and_a_tolerance_is_kept() -> None:
    stored = {"a": [1, 2.0, "x"], "days_sha256": {"1": "f"}}
    near = {"a": [1, 2.00001, "x"], "days_sha256": {"1": "e"}}
    assert list(differences(stored, stored, None)) == []
    assert list(differences(stored, near, Tolerance(1e-4, 0.0))) == []
    assert list(differences(stored, near, None)) == [
        "a[1]: stored 2.0, made 2.00001",
        "days_sha256.1: stored 'f', made 'e'",
    ]
    other = {"a": [1, 2.1, "y", 3]}
    assert list(differences(stored, other, Tolerance(1e-4, 0.0))) == [
        "a: 3 values stored, 4 made",
        "a[1]: stored 2.0, made 2.1",
        "a[2]: stored 'x', made 'y'",
    ]
