"""Build what is not committed: compiled translations and the static files under their hashed names.

Usage: python tools/build.py [messages] [static] [--always]     (neither named: both)
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = ROOT / "var" / "static.sha256"
MANIFEST = ROOT / "staticfiles" / "staticfiles.json"
# Packages bring these along; no page of ours asks for them, and compressing them takes a minute.
NEVER_SERVED = ("flags", "redoc", "rest_framework", "*.LICENSE.txt", "*.md")


def build_messages(*, always: bool = False) -> None:
    """Compile every .po that is newer than its .mo."""
    sources = list((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
    if always or any(_is_newer(source, source.with_suffix(".mo")) for source in sources):
        _python("babel.messages.frontend", "--quiet", "compile", "--use-fuzzy", "-d", "locale", "-D", "django")


def build_static(*, always: bool = False) -> None:
    """Collect the static files when one of them, or a package that brings some, has changed."""
    state = _digest(_static_sources())
    if not always and MANIFEST.exists() and STAMP.exists() and STAMP.read_text() == state:
        return
    STAMP.unlink(missing_ok=True)
    ignore = [f"--ignore={pattern}" for pattern in NEVER_SERVED]
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v0", *ignore], cwd=ROOT, check=True)
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(state)


def _static_sources() -> list[Path]:
    folders = [ROOT / "static", *ROOT.glob("storefront/*/static"), *ROOT.glob("reservations/static")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted([*files, ROOT / "requirements.txt", Path(__file__)])


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_newer(source: Path, target: Path) -> bool:
    return not target.exists() or source.stat().st_mtime > target.stat().st_mtime


def _python(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=True)


def main(arguments: list[str]) -> int:
    always = "--always" in arguments
    wanted = [argument for argument in arguments if argument != "--always"] or ["messages", "static"]
    steps = {"messages": build_messages, "static": build_static}
    try:
        for name in wanted:
            steps[name](always=always)
    except KeyError as unknown:
        sys.exit(f"{unknown} is not one of: {', '.join(steps)}")
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
