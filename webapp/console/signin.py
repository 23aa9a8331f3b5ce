"""Signing in and out. Tries are few, by address and by name; the answer never says which of name and password was wrong."""

from __future__ import annotations

import ipaddress

from flask import Blueprint, redirect, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.store import audit
from webapp.console import frame

blueprint = Blueprint("signin", __name__)


@blueprint.get("/signin")
def show() -> Response:
    """The form; who has signed in goes on."""
    wanted = frame.local(request.args.get("next"))
    if frame.signed_in():
        return redirect(wanted, 303)
    return frame.page("signin.html", wanted=wanted, name="", error=None, is_first=not frame.house().service.accounts.listed())


@blueprint.post("/signin")
def sign_in() -> Response:
    """Check name and password."""
    wanted, name = frame.local(request.form.get("next")), request.form.get("name", "").strip()[:200]
    wait = _throttled(name)
    if wait:
        return _again(wanted, name, gettext("试得太频繁了，请过 %(seconds)s 秒再试。", seconds=wait), 429)
    service = frame.house().service
    account = service.accounts.sign_in(name, request.form.get("password", ""))
    if account is None:
        return _again(wanted, name, gettext("用户名或密码不对。"), 401)
    session.clear()  # nothing of before is taken over
    session.permanent = True
    session.update(account=account.name, generation=account.generation)
    with service.store.write() as tx:
        audit.add(tx, "live", audit.Entry(service.clock.now(), account.name, "account.sign_in", {}))
    return redirect(wanted, 303)


@blueprint.post("/signout")
def sign_out() -> Response:
    """End the session in this browser."""
    session.clear()
    return frame.back_to(url_for("signin.show"))


@blueprint.get("/signin/language")
def language() -> Response:
    """The other language, before anybody has signed in."""
    to = request.args.get("to", "zh")
    return frame.remember(redirect(url_for("signin.show"), 303), "lang", to if to in frame.LANGUAGES else "zh")


def _again(wanted: str, name: str, error: str, status: int) -> Response:
    return frame.page("signin.html", status, wanted=wanted, name=name, error=error, is_first=False)


def _throttled(name: str) -> int:
    """Seconds to wait before another try; 0: go on."""
    tries = frame.house().tries
    draws = [
        tries.take(_network(request.remote_addr or ""), "network", False),
        tries.take(name, "name", False),
    ]
    return max(draw.retry_after_seconds for draw in draws)


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: who has one of those has them all."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{ip}/64", strict=False)) if ip.version == 6 else str(ip)
