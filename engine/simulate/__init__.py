"""The same `decide` over an in-memory store and a virtual clock: simulate, rule tests, coverage, replay, compare."""
