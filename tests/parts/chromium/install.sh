#!/bin/bash
# Makes sure that there is a Chromium for the tests: the one that is there, or as root on Debian its package.
set -euo pipefail
fail() { echo "POSTROOM CANNOT BE TESTED: $*" >&2; exit 1; }

for name in chromium chromium-browser google-chrome; do
  if command -v "$name" > /dev/null; then exit 0; fi
done
command -v apt-get > /dev/null || fail "the dashboard's tests need Chromium on the PATH; install the package 'chromium' of this system"
[ "$(id -u)" = 0 ] || fail "the dashboard's tests need Chromium; on Debian, as root: apt-get install --no-install-recommends chromium"

echo "installing Chromium for the tests"
log=$(mktemp)
{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } > "$log" 2>&1 < /dev/null \
  || { tail -n 20 "$log" >&2; fail "apt-get could not install Chromium; the whole story is in $log"; }
rm -f "$log"
