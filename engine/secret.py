"""The service's secret: pepper of codes and signing key. From the settings, or made once and kept beside the database."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from engine.settings import Settings, SettingsError

_SQLITE = "sqlite:///"


def secret_path(settings: Settings) -> Path:
    """Where a secret is kept that the settings do not give: beside a SQLite file, else where the settings are."""
    if settings.database.startswith(_SQLITE):
        return Path(settings.database.removeprefix(_SQLITE).partition("?")[0] + ".secret")
    return (settings.file.parent if settings.file is not None else Path()) / "hongyan.secret"


def secret_of(settings: Settings) -> str:
    """The secret of the settings, else the kept one, else a new one. Raises SettingsError where it cannot be read or kept."""
    if settings.secret:
        return settings.secret
    path = secret_path(settings)
    try:
        with suppress(FileNotFoundError):
            return _kept(path)
        _make(path)
        return _kept(path)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; write `secret` into the settings, or let this place be written") from error


def _kept(path: Path) -> str:
    secret = path.read_text("ascii", "replace").strip()
    if len(secret) < 16:
        raise SettingsError(f"{path}: holds no secret (restore it: codes and signatures made with the old one are worthless without it)")
    return secret


def _make(path: Path) -> None:
    """Written whole under another name, then linked: of processes that start together one wins, and none reads half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
