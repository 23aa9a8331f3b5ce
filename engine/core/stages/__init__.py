"""One file per stage. Each has `build(rule, book)`: the stage as a function of a Case, or None where it can never matter for the rule.

It reads the rule from the case, so that rules share stages: with thousands of rules the processor's caches hold them.
A stage passes (None), or ends the judgement with a verdict. Their order stands in judge.py.
"""
