"""One file per kind of trigger: what an occurrence makes of the rules that wait for it."""
