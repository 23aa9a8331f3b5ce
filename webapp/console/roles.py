"""Which role may open which address of the console: one table, looked at for every request. What is missing here is refused."""

from __future__ import annotations

from collections.abc import Mapping

READERS = frozenset({"viewer", "qa", "editor", "publisher", "admin"})
TRIERS = READERS - {"viewer"}
EDITORS = frozenset({"editor", "publisher", "admin"})
PUBLISHERS = frozenset({"publisher", "admin"})
ADMINS = frozenset({"admin"})

# Endpoint (`page.view`) -> roles.
TABLE: Mapping[str, frozenset[str]] = {
    "home.start": READERS,
    "home.search": READERS,
    "home.language": READERS,
    "home.theme": READERS,
    "home.environment": READERS,
    "home.me": READERS,
    "home.set_password": READERS,
    "home.set_phone": READERS,
    "signin.sign_out": READERS,
    "editor.show": READERS,
    "editor.check": READERS,
    "editor.complete": READERS,
    "editor.hover": READERS,
    "editor.preview": READERS,
    "editor.statistics": READERS,
    "editor.reformat": EDITORS,
    "editor.save": EDITORS,
    "editor.create": EDITORS,
    "editor.rename": EDITORS,
    "editor.remove": EDITORS,
    "editor.sample": EDITORS,
    "simulator.show": READERS,
    "simulator.export": READERS,
    "simulator.new": TRIERS,
    "simulator.change_event": TRIERS,
    "simulator.change_user": TRIERS,
    "simulator.save_case": TRIERS,
    "simulator.remove_case": TRIERS,
    "simulator.save_test": TRIERS,
    "tests.show": READERS,
    "tests.results": READERS,
    "tests.told": READERS,
    "compare.show": READERS,
    "compare.show_gate": READERS,
    "compare.progress": READERS,
    "compare.run": TRIERS,
    "compare.cancel": TRIERS,
    "compare.rebase": EDITORS,
    "compare.publish": PUBLISHERS,
    "live.show": READERS,
    "live.strip": READERS,
    "live.running": READERS,
    "live.funnel": READERS,
    "live.rates": READERS,
    "live.recent": READERS,
    "live.timeline": READERS,
    "live.events": READERS,
    "live.messages": READERS,
    "live.message": READERS,
    "live.trace": READERS,
    "live.campaigns": READERS,
    "live.steer": PUBLISHERS,
    "live.suppressions": READERS,
    "live.suppress": PUBLISHERS,
    "live.release": PUBLISHERS,
    "live.verification": READERS,
    "live.block": PUBLISHERS,
    "live.unblock": PUBLISHERS,
    "live.switches": READERS,
    "live.stop": PUBLISHERS,
    "live.resume": PUBLISHERS,
    "versions.show": READERS,
    "versions.download": READERS,
    "versions.open_as_draft": EDITORS,
    "versions.activate": PUBLISHERS,
    "settings.show": READERS,
    "settings.keys": ADMINS,
    "settings.create_key": ADMINS,
    "settings.revoke_key": ADMINS,
    "settings.accounts": ADMINS,
    "settings.create_account": ADMINS,
    "settings.change_account": ADMINS,
    "settings.reset_password": ADMINS,
    "settings.audit_log": ADMINS,
}
# For those who have not signed in yet.
OPEN = frozenset({"signin.show", "signin.sign_in", "signin.language"})


def may(role: str, endpoint: str) -> bool:
    """Whether the role may open the endpoint."""
    return role in TABLE.get(endpoint, ())
