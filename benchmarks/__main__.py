"""`make bench`: what the engine, its store, its views and its API take, one after the other."""

from __future__ import annotations

from benchmarks import api, engine, store, views

for benchmark in (engine, store, views, api):
    print(f"\n{benchmark.__name__}")
    benchmark.main()
