"""`make bench`: what the engine, its store and its views take, one after the other."""

from __future__ import annotations

from benchmarks import engine, store, views

for benchmark in (engine, store, views):
    print(f"\n{benchmark.__name__}")
    benchmark.main()
