"""One file a claim. `make bench` runs them all, `make bench NAME=loop` one; results go to `benchmarks/results/`."""
