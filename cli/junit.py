"""JUnit XML of rule tests, in the dialect that CI systems read (testsuites, testsuite, testcase, failure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol
from xml.etree import ElementTree

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Result(Protocol):
    """How one rule test went. `message` says what was expected and what came, empty when it passed."""

    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def seconds(self) -> float: ...


def junit_xml(suite: str, results: Sequence[Result]) -> bytes:
    """The document, UTF-8."""
    failures = sum(not result.passed for result in results)
    counts = {"tests": str(len(results)), "failures": str(failures), "errors": "0", "time": f"{sum(r.seconds for r in results):.3f}"}
    root = ElementTree.Element("testsuites", {"name": "hongyan", **counts})
    parent = ElementTree.SubElement(root, "testsuite", {"name": _clean(suite), "skipped": "0", **counts})
    for result in results:
        attributes = {"classname": _clean(suite), "name": _clean(result.name), "time": f"{result.seconds:.3f}"}
        case = ElementTree.SubElement(parent, "testcase", attributes)
        if not result.passed:
            failure = ElementTree.SubElement(case, "failure", {"message": _clean(result.message.partition("\n")[0])})
            failure.text = _clean(result.message)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
