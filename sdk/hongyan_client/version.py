"""The version, alone in a module so that building needs no import of httpx."""

VERSION = "0.1.0"
