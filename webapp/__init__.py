"""HTTP: the `/v1` API and the console. Asks the engine and shows its answers; must not judge a rule, send a message or touch a table."""
