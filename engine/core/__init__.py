"""Pure: `decide(book, cells, occurrence, now)` and what it is made of. No I/O, no clock, no randomness, no environment."""
