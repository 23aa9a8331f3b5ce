"""What a rulebook IS: text in, findings or an immutable Rulebook out.

Nothing here reads a clock, a database or the network, and nothing here decides anything: judging is `engine.core`.
"""
