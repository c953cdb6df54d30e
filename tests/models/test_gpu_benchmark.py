"""The script that measures a GPU, on the CPU."""

import pytest

from benchmarks import gpu


def test_it_prints_a_table_of_coins_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--coins", "4", "--windows", "96", "--batch_size", "32", "--size", "tiny")
    gpu.main(["--device", "cpu", "--epochs", "2", *sizes])
    printed = capsys.readouterr().out
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    counts = [(row[0], row[1], row[2]) for row in rows[1:]]
    assert counts == [
        ("| 1", "1", "96"),
        ("| 1", "1", "96"),
        ("| 4", "1", "384"),
        ("| 4", "2", "768"),
    ]
    assert all(float(row[4].replace(",", "")) > 0.0 for row in rows[1:])
