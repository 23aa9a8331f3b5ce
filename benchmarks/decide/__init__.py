"""Microseconds per event for one decision, against the matching alone of other rule engines."""
