#!/bin/sh
# Installs the programs and fonts that the tests need and this machine lacks. The tests start their own instances of them.
# Usage: tools/system.sh [bench]     (bench: what `make bench` needs instead)
set -eu

missing=
want() { # want PACKAGE TEST…: note PACKAGE when TEST fails
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}
has_postgresql() { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; }
has_redis() { command -v redis-server || command -v valkey-server; }
has_fonts() { test -n "$(find /usr/share/fonts -name "$1" -print -quit)"; }

[ -n "${TEST_DATABASE_URL:-}" ] || want postgresql has_postgresql
[ -n "${TEST_REDIS_URL:-}" ] || want redis-server has_redis
if [ "${1:-}" = bench ]; then
  want wrk command -v wrk
else
  want chromium command -v chromium
  want fonts-noto-core has_fonts 'NotoSans-Regular.*'
  want fonts-noto-cjk has_fonts 'NotoSansCJK-*'
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing:$missing. Install, on Debian: sudo apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
echo "Installing$missing …"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; trap 'rm -f "$log" "$policy"' EXIT; }
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  exit 1
fi
