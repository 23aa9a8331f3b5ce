"""One file per section: how its entries become model objects. Used by `rules.build` only, on entries that structure has found sound."""
