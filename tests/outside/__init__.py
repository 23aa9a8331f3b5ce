"""Tests from outside: only the command and the specification, nothing of the engine."""
