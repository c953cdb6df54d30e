"""`make bench`: runs the benchmarks of engine, store, views and API one after the other."""

from __future__ import annotations

from benchmarks import api, engine, store, views

for benchmark in (engine, store, views, api):
    print(f"\n{benchmark.__name__}")
    benchmark.main()
