"""The engines, one file each, in the order of the table.

A file has `LABEL`, `PACKAGE` (whose version is shown), `prepare(rules)`, which gives whatever `run` wants, and `run(prepared, events)`,
which gives the ids of the matching rules, sorted, per event. Only `run` is timed, in processor seconds; a peer that works in another
process times itself and has `timed(prepared, events) -> seconds` instead. A file imports its engine at the top: what cannot be imported
is reported as not installed.
"""

PEERS = (
    "hongyan",
    "hongyan_matching",
    "hongyan_verdicts",
    "hongyan_traced",
    "durable_rules",
    "drools",
    "zen",
    "rule_engine",
    "cel",
    "json_rules_engine",
)
