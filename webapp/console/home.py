"""What belongs to no page: where to begin, the search, and what visitors choose for themselves (language, theme, password ...)."""

from __future__ import annotations

from flask import Blueprint, redirect, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.runtime.errors import ServiceError
from webapp.console import frame, searching

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def start() -> Response:
    """Editors begin with the editor, testers with the simulator, the others with what is going on."""
    first = {"editor": "editor.show", "publisher": "editor.show", "admin": "live.show", "qa": "simulator.show"}
    return redirect(url_for(first.get(frame.visitor().role, "live.show")), 303)


@blueprint.get("/search")
def search() -> Response:
    """Rules, templates, segments and events of the book by name; people by id or number; events by id."""
    asked = request.args.get("q", "").strip()[:200]
    return frame.partial("search_pane.html" if frame.is_htmx() else "search.html", asked=asked, found=searching.find(asked))


@blueprint.get("/language")
def language() -> Response:
    """The other language, from now on."""
    to = request.args.get("to", "zh")
    return frame.remember(_back(), "lang", to if to in frame.LANGUAGES else "zh")


@blueprint.get("/theme")
def theme() -> Response:
    """Light, dark, or as the system has it."""
    to = request.args.get("to", "auto")
    return frame.remember(_back(), "theme", to if to in ("light", "dark") else "auto")


@blueprint.post("/environment")
def environment() -> Response:
    """Look at what is live, or at the environment that only captures."""
    session["env"] = "test" if request.form.get("to") == "test" else "live"
    return frame.back_to(frame.local(request.form.get("next")))


@blueprint.get("/me")
def me() -> Response:
    """One's own account."""
    return frame.page("me.html", error=None)


@blueprint.post("/me/password")
def set_password() -> Response:
    """Another password, for who knows the old one. Other sessions of the account are over."""
    accounts, who = frame.house().service.accounts, frame.visitor()
    if accounts.sign_in(who.name, request.form.get("old", "")) is None:
        return frame.page("me.html", 422, error=gettext("原密码不对。"))
    try:
        accounts.set_password(who.name, request.form.get("new", ""), by=who.name)
    except ServiceError:
        return frame.page("me.html", 422, error=gettext("新密码至少 10 个字符。"))
    account = accounts.get(who.name)
    assert account is not None
    session["generation"] = account.generation
    return frame.back_to(url_for("home.me", done="password"))


@blueprint.post("/me/phone")
def set_phone() -> Response:
    """The number to which samples go."""
    who = frame.visitor()
    try:
        frame.house().service.accounts.set_phone(who.name, request.form.get("phone", "").strip() or None, by=who.name)
    except ServiceError:
        return frame.page("me.html", 422, error=gettext("这不是一个手机号码。"))
    return frame.back_to(url_for("home.me", done="phone"))


def _back() -> Response:
    return redirect(frame.local(request.args.get("next")), 303)
