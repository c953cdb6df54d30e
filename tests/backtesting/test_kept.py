"""The newest backtests are kept with their files, up to a number and a size."""

from pathlib import Path

import pytest

from crypto_bot.backtesting import kept
from crypto_bot.backtesting.kept import FIGURES, REPORT, KeptBacktests

T0 = 1_760_000_400_000


def test_the_newest_are_kept_up_to_a_number_and_a_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    monkeypatch.setattr(kept, "MOST_BYTES", 100)
    found = KeptBacktests(tmp_path / "backtests")
    assert found.newest() == []
    for at in range(5):
        found.keep(T0 + at, {FIGURES: b'{"at": %d}' % at, REPORT: b"<p>"})
    assert [each.figures["at"] for each in found.newest()] == [4, 3, 2]
    found.keep(T0 + 9, {FIGURES: b'{"at": 9}', REPORT: b"x" * 200})
    assert [each.figures["at"] for each in found.newest()] == [9], "the newest stays in any case"


def test_only_files_of_a_backtest_are_found(tmp_path: Path) -> None:
    found = KeptBacktests(tmp_path / "backtests")
    found.keep(T0, {FIGURES: b"{}", REPORT: b"<p>"})
    found.keep(T0 + 1, {FIGURES: b"{"})
    (only,) = found.newest()
    assert only.figures == {}, "one that cannot be read is left out"
    path = found.file(only.id, REPORT)
    assert path is not None
    assert path.read_bytes() == b"<p>"
    (tmp_path / "secret").write_text("x")
    for id_, name in ((only.id, "../../secret"), ("..", "secret"), ("", REPORT), ("none", REPORT)):
        assert found.file(id_, name) is None
