"""HTTP: the `/v1` API and the console. Asks the engine; never re-implements a rule."""
