#!/bin/bash
# in_memory.sh GIGABYTES COMMAND...: runs a command whose temporary files are in memory, if so much of it is free; else on disk.
# Thousands of databases are made by the tests, and each of their commits would wait for the disk.
set -euo pipefail
gigabytes=$1
shift

fits() {
  [ -d /dev/shm ] && [ -w /dev/shm ] || return 1
  awk -v wanted="$gigabytes" '$1 == "MemAvailable:" { exit $2 < wanted * 1048576 }' /proc/meminfo || return 1
  df --output=avail -k /dev/shm | awk -v wanted="$gigabytes" 'NR == 2 { exit $1 < wanted * 1048576 }'
}

# Whoever set one has a reason.
if [ -n "${TMPDIR:-}" ] || ! fits; then
  exec "$@"
fi
folder=$(mktemp -d /dev/shm/postroom-tests-XXXXXX)
trap 'rm -rf "$folder"' EXIT
# PostgreSQL comes here as another user, and its programs may have to be copied here: some do not let them run from memory.
chmod 711 "$folder"
printf '#!/bin/sh\n' > "$folder/try"
chmod +x "$folder/try"
if "$folder/try" 2> /dev/null; then
  export TMPDIR=$folder
fi
"$@"
