"""Measures Signoff: `make bench` prints each figure beside its reference of the same run. See `bench.run`."""
