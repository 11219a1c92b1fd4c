#!/bin/sh
# Usage: tools/venv.sh LOCK
# Makes .venv and installs LOCK into it, unless exactly this LOCK was installed last.
set -eu
lock=$1
stamp=.venv/$lock.sha256
.venv/bin/python -c '' 2>/dev/null || { rm -rf .venv; python3 -m venv .venv; }
sha256sum --check --status "$stamp" 2>/dev/null && exit 0
echo "Installing $lock …"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$lock"
sha256sum "$lock" >"$stamp"
