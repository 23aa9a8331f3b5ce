"""The settings page: providers and what is in force, for all; keys, accounts and the audit log, for admins."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.runtime.accounts import ROLES as ACCOUNT_ROLES
from engine.runtime.errors import ServiceError
from engine.store import audit
from engine.store.keys import ROLES as KEY_ROLES
from webapp.console import frame

blueprint = Blueprint("settings", __name__, url_prefix="/settings")

AUDIT_ROWS = 50


@blueprint.get("")
def show() -> Response:
    """Providers with their health, the webhooks of the environment, and the settings in force."""
    house = frame.house()
    way_out = house.service.way_out
    health = way_out.routing.health(house.service.clock.now())
    providers = [(name, provider, health.get(name)) for name, provider in sorted(way_out.providers.items())]
    hooks = house.service.webhooks.listed(frame.visitor().env).items
    # Without what may be a secret: user, password and query.
    webhooks = [{**hook, "where": f"{to.hostname}{to.path}"} for hook in hooks for to in (urlsplit(hook["url"]),)]
    return frame.page("settings/providers.html", providers=providers, webhooks=webhooks, settings=house.settings)


# ---- keys -------------------------------------------------------------------------------------------------------------------------------


@blueprint.get("/keys")
def keys() -> Response:
    """Every API key by its beginning; the key itself nobody can read again."""
    return _keys()


@blueprint.post("/keys")
def create_key() -> Response:
    """A new key, shown on the page that answers, and never again."""
    form = request.form
    try:
        token = frame.house().service.keyring.create(
            form.get("name", ""), form.get("role", ""), test="test" in form, personal="personal" in form, by=frame.visitor().name
        )
    except ServiceError as error:
        return _keys(422, error=str(error))
    return _keys(token=token)


@blueprint.post("/keys/<id>/revoke")
def revoke_key(id: str) -> Response:
    """The key opens nothing from now on."""
    frame.house().service.keyring.revoke(id, by=frame.visitor().name)
    return frame.back_to(url_for("settings.keys"))


def _keys(status: int = 200, *, token: str | None = None, error: str | None = None) -> Response:
    found = frame.house().service.keyring.listed()
    in_use = [key for key in found if key.revoked is None]
    revoked = [key for key in found if key.revoked is not None]
    return frame.page("settings/keys.html", status, keys=[*in_use, *revoked], roles=KEY_ROLES, token=token, error=error)


# ---- accounts ---------------------------------------------------------------------------------------------------------------------------


@blueprint.get("/accounts")
def accounts() -> Response:
    """Everybody who may sign in."""
    return _accounts()


@blueprint.post("/accounts")
def create_account() -> Response:
    """A new account with a password of ours, shown once."""
    form, password = request.form, secrets.token_urlsafe(12)
    name = form.get("name", "").strip()
    try:
        frame.house().service.accounts.create(name, form.get("role", ""), password, personal="personal" in form, by=frame.visitor().name)
    except ServiceError as error:
        return _accounts(422, error=str(error))
    return _accounts(made=(name, password))


@blueprint.post("/accounts/<name>")
def change_account(name: str) -> Response:
    """Another role, or an end to it."""
    form = request.form
    try:
        frame.house().service.accounts.change(
            name, form.get("role", ""), personal="personal" in form, disabled="disabled" in form, by=frame.visitor().name
        )
    except ServiceError as error:
        return _accounts(422, error=str(error))
    return frame.back_to(url_for("settings.accounts"))


@blueprint.post("/accounts/<name>/password")
def reset_password(name: str) -> Response:
    """A new password of ours, shown once; the old one and all sessions are over."""
    password = secrets.token_urlsafe(12)
    frame.house().service.accounts.set_password(name, password, by=frame.visitor().name)
    return _accounts(made=(name, password))


def _accounts(status: int = 200, *, made: tuple[str, str] | None = None, error: str | None = None) -> Response:
    found = frame.house().service.accounts.listed()
    return frame.page("settings/accounts.html", status, accounts=found, roles=ACCOUNT_ROLES, made=made, error=error)


# ---- audit ------------------------------------------------------------------------------------------------------------------------------


@blueprint.get("/audit")
def audit_log() -> Response:
    """Who changed what, newest first, page by page."""
    what, cursor, env = request.args.get("what") or None, request.args.get("cursor") or None, frame.visitor().env
    with frame.house().service.store.read() as tx:
        found = audit.newest(tx, env, what=what, cursor=cursor, limit=AUDIT_ROWS)
    return frame.page("settings/audit.html", entries=found.items, next=found.next, what=what, words=_audit_words())


def _audit_words() -> dict[str, str]:
    """What is noted, in words."""
    return {
        "book.publish": gettext("发布"),
        "book.activate": gettext("回滚"),
        "draft.discard": gettext("放弃草稿"),
        "draft.replace": gettext("打开旧版本为草稿"),
        "switch.stop": gettext("停用"),
        "switch.resume": gettext("恢复"),
        "campaign.pause": gettext("暂停活动"),
        "campaign.resume": gettext("继续活动"),
        "campaign.stop": gettext("停止活动"),
        "key.create": gettext("新建密钥"),
        "key.revoke": gettext("吊销密钥"),
        "account.create": gettext("新建账号"),
        "account.change": gettext("修改账号"),
        "account.password": gettext("换密码"),
        "account.phone": gettext("换手机号"),
        "account.sign_in": gettext("登录"),
        "suppression.add": gettext("加入拒收名单"),
        "suppression.release": gettext("移出拒收名单"),
        "network.block": gettext("封网段"),
        "network.release": gettext("解封网段"),
        "sample.send": gettext("发样例"),
        "story.save": gettext("保存故事"),
        "webhook.create": gettext("新建回调"),
        "webhook.change": gettext("修改回调"),
        "webhook.rotate": gettext("更换回调密钥"),
        "webhook.delete": gettext("删除回调"),
        "user.erase": gettext("删除用户"),
    }
