"""What every page of the console stands in: who looks, in which language; forged requests refused; what a browser may load said by a CSP.

Pages use `house()`, `visitor()`, `page()` and `partial()`; the rest happens before and after them.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Request, Response, current_app, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_babel import Babel, gettext
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.wrappers import Response as AnyResponse

from engine.runtime import errors
from engine.runtime.service import Service
from engine.simulate.output import Prices
from engine.store.store import is_unavailable
from webapp.console import assets, roles, words
from webapp.limits import Buckets, Quota

SESSION_HOURS = 12
MAX_FORM_BYTES = 12 * 1024 * 1024  # a book in the making is the largest thing that is posted
# Tries to sign in, from one network and for one name wherever from: the name's bucket is the larger, so that one stranger locks nobody out.
TRIES = {"network": Quota(per_second=1 / 20, burst=10), "name": Quota(per_second=1 / 10, burst=30)}
LANGUAGES = ("zh", "en")
_YEAR_SECONDS = 365 * 24 * 3600
_EXTENSION = "hongyan.console"
_PAGES = "hongyan.console.pages"


@dataclass(frozen=True, slots=True)
class House:
    """What the pages ask."""

    service: Service
    prices: Prices
    settings: Mapping[str, Any]  # in force, nothing secret in them
    tries: Buckets = field(default_factory=lambda: Buckets(TRIES, time.monotonic))  # to sign in


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks. `personal`: may see whole phone numbers."""

    name: str
    role: str
    personal: bool
    phone: str | None
    locale: Literal["zh", "en"]
    env: Literal["live", "test"]

    def may(self, endpoint: str) -> bool:
        """Whether the visitor's role opens an endpoint (`editor.save`)."""
        return roles.may(self.role, endpoint)

    @property
    def sees_personal(self) -> bool:
        """As in the API: an admin, or a viewer with the flag."""
        return self.role == "admin" or (self.role == "viewer" and self.personal)


def house() -> House:
    """The installation that this request is about."""
    return cast(House, current_app.extensions[_EXTENSION])


def visitor() -> Visitor:
    """Who has signed in. Only on pages that need it, which is all but the sign-in itself."""
    return cast(Visitor, g.visitor)


def signed_in() -> bool:
    """Whether anybody has."""
    return g.get("visitor") is not None


def is_htmx() -> bool:
    """Whether htmx asks, for a pane instead of a page."""
    return request.headers.get("HX-Request") == "true"


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A whole page. For htmx too, where a link leads to another page."""
    return Response(render_template(template, **values), status, content_type="text/html; charset=utf-8")


def partial(template: str, status: int = 200, **values: Any) -> Response:
    """A pane, to be put in place by htmx."""
    return page(template, status, **values)


def back_to(address: str) -> AnyResponse:
    """After a change that was posted: the page anew. htmx follows inside the browser."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address, 303)


def local(address: str | None) -> str:
    """An address of this console, or its start: what came from outside leads nowhere else."""
    given = urlsplit(address or "")
    odd = given.scheme or given.netloc or not given.path.startswith("/") or given.path.startswith(("//", "/\\")) or "\\" in given.path
    return url_for("home.start") if odd or not given.path.isprintable() else given.path + (f"?{given.query}" if given.query else "")


def install(app: Flask, house: House, secret: bytes, pages: Sequence[Blueprint]) -> None:
    """Put the console into the application. `secret` signs sessions."""
    app.extensions[_EXTENSION] = house
    app.extensions[_PAGES] = frozenset(blueprint.name for blueprint in pages)
    app.secret_key = hmac.digest(secret, b"console sessions", sha256)
    app.session_interface = _Sessions()
    app.config.update(
        SESSION_COOKIE_NAME="hongyan",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        WTF_CSRF_CHECK_DEFAULT=False,  # the API has keys, and no cookies
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,
        BABEL_DEFAULT_LOCALE="zh",
        BABEL_TRANSLATION_DIRECTORIES="translations",
    )
    csrf = CSRFProtect(app)
    Babel(app, locale_selector=lambda: g.get("locale", "zh"))
    for blueprint in pages:
        app.register_blueprint(blueprint)
    assets.install(app)
    words.install(app)
    app.jinja_env.globals.update(may=lambda endpoint: visitor().may(endpoint), csp_nonce=lambda: g.csp_nonce)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_around)

    @app.before_request
    def admit() -> AnyResponse | None:
        return _admit(request, csrf) if is_console() else None

    @app.after_request
    def close(response: Response) -> Response:
        return _closed(response) if is_console() else response


def is_console() -> bool:
    """Whether the request is for a page of the console, or for an address that nobody has and the API does not own."""
    if _PAGES not in current_app.extensions:
        return False
    if request.blueprint is not None:
        return request.blueprint in current_app.extensions[_PAGES]
    return request.endpoint != "static" and not request.path.startswith("/v1/")


def _admit(request: Request, csrf: CSRFProtect) -> AnyResponse | None:
    """Language, nonce, session, role, forged requests: in this order, before any view."""
    g.operation = request.endpoint or "none"
    g.locale = _locale(request)
    g.csp_nonce = secrets.token_urlsafe(16)
    request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES
    if request.endpoint is None:
        return None  # not found: says so to everybody alike
    g.visitor = _visitor()
    if request.endpoint not in roles.OPEN:
        if g.visitor is None:
            return _to_sign_in(request)
        if not roles.may(g.visitor.role, request.endpoint):
            raise Forbidden
    if request.method == "POST":
        csrf.protect()
    return None


def _visitor() -> Visitor | None:
    """Who the session says it is, unless that account has changed since."""
    name = session.get("account")
    account = house().service.accounts.get(name) if isinstance(name, str) else None
    if account is None or account.disabled is not None or session.get("generation") != account.generation:
        return None
    env: Literal["live", "test"] = "test" if session.get("env") == "test" else "live"
    return Visitor(account.name, account.role, account.personal, account.phone, g.locale, env)


def _to_sign_in(request: Request) -> AnyResponse:
    wanted = request.full_path.rstrip("?") if request.method == "GET" and not is_htmx() else url_for("home.start")
    return back_to(url_for("signin.show", next=wanted))


def _locale(request: Request) -> Literal["zh", "en"]:
    asked = request.cookies.get("lang")
    if asked not in LANGUAGES:
        asked = request.accept_languages.best_match(LANGUAGES, "zh")
    return "en" if asked == "en" else "zh"


def remember(response: AnyResponse, name: str, value: str) -> AnyResponse:
    """A choice of looks, in a cookie of its own: it is nobody's secret, and outlives the session."""
    response.set_cookie(name, value, max_age=_YEAR_SECONDS, samesite="Lax", httponly=name != "theme", secure=request.is_secure)
    return response


def _around() -> dict[str, Any]:
    """What the frame of a page shows."""
    theme = request.cookies.get("theme")
    return {
        "visitor": g.get("visitor"),
        "locale": g.get("locale", "zh"),
        "theme": theme if theme in ("light", "dark") else "auto",
        "book_title": words.book_title(),
        "here": request.blueprint,
    }


# ---- what leaves ------------------------------------------------------------------------------------------------------------------------


def _closed(response: Response) -> Response:
    """Headers of every page: nothing but our own scripts and styles, shown in nobody's frame, kept in no shared cache."""
    nonce = g.get("csp_nonce", "")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    response.vary.update(("Cookie", "HX-Request"))
    return response


class _Sessions(SecureCookieSessionInterface):
    """The cookie is for HTTPS alone where the page came by it. The API has keys, and pays nothing for sessions."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if request.path.startswith("/v1/") else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


# ---- errors -----------------------------------------------------------------------------------------------------------------------------


def error_page(error: Exception) -> Response:
    """Any error of the console, as a page or a pane that says what can be done about it."""
    status, title, text = _told(error)
    if g.get("csp_nonce") is None:  # it failed before the frame stood
        g.locale, g.csp_nonce = "zh", ""
    template = "error_pane.html" if is_htmx() else "error.html"
    return page(template, status, title=title, text=text)


def _told(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, CSRFError):
        return 400, gettext("页面放得太久了"), gettext("请重新载入页面再试一次，没有保存的内容请先复制下来。")
    if isinstance(error, Forbidden):
        return 403, gettext("您的角色不能做这件事"), gettext("请找管理员调整角色，或请有权限的同事来做。")
    if isinstance(error, errors.NotFound):
        return 404, gettext("没有找到"), str(error)
    if isinstance(error, errors.Conflict):
        return 409, gettext("别人抢先了一步"), str(error)
    if isinstance(error, errors.NoBook):
        return 409, gettext("还没有发布规则书"), gettext("先在编辑页写好规则，再比较并发布。")
    if isinstance(error, errors.ServiceError):
        return 422, gettext("这样不行"), str(error)
    if isinstance(error, HTTPException):
        if error.code == 404:
            return 404, gettext("没有这个页面"), gettext("地址可能写错了，或者内容已经移走。")
        return error.code or 500, gettext("这个请求处理不了"), error.name
    if is_unavailable(error):
        return 503, gettext("数据库暂时不能用"), gettext("数据库连不上或者空间满了，请稍后再试。已经接收的事件不会丢失。")
    return 500, gettext("服务出错了"), gettext("错误已经记入日志。消息的判定和发送不受这一页影响。")
