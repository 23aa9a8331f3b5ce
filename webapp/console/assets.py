"""Styles as they are, scripts as esbuild made them (`make assets`). Without a bundle pages work as plain HTML, for reading."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, request, url_for
from markupsafe import Markup

FOLDER = Path(__file__).resolve().parent.parent / "static"
_YEAR_SECONDS = 365 * 24 * 3600


def install(app: Flask) -> None:
    """What templates ask for, and the headers of files: an address holds the file's hash, so it may be kept for ever."""
    app.jinja_env.globals.update(style=style, script=script, has_bundle=has_bundle)

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static":
            response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable" if request.args.get("v") else "no-cache"
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def style(name: str) -> Markup:
    """The link to a style sheet of ours."""
    return Markup('<link rel="stylesheet" href="{}">').format(_address(f"css/{name}.css"))


def script(name: str) -> Markup:
    """The script of a page, or nothing where it was not built."""
    if not has_bundle(name):
        return Markup("")
    return Markup('<script type="module" src="{}"></script>').format(_address(f"dist/{name}.js"))


def has_bundle(name: str) -> bool:
    """Whether esbuild has made the page's script."""
    return (FOLDER / "dist" / f"{name}.js").is_file()


def _address(name: str) -> str:
    path = FOLDER / name
    return url_for("static", filename=name, v=_print(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=256)
def _print(path: Path, _changed: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]
