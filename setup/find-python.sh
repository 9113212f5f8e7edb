#!/bin/sh
# Prints the path of a Python (3.11 or newer) that can make virtual environments. PYTHON=/path/to/python overrides the
# search. As root on Debian it installs the package python3.x-venv if needed; elsewhere it says what is missing.
set -eu

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
refuse() { echo "setup: $*" >&2; exit 1; }

# The named versions come first: the lock files were tested with their wheels.
candidates=${PYTHON:-python3.13 python3.12 python3.11 python3}
without_venv=
for name in $candidates; do
    is_new_enough "$name" || continue
    makes_venvs "$name" && exec "$name" -c 'import sys; print(sys.executable)'
    without_venv=${without_venv:-$name}
done

[ -n "$without_venv" ] || refuse "found no Python 3.11 or newer (looked for: $candidates)." \
    "Install one, or name it: make PYTHON=/path/to/python3.11 ..."

package=$("$without_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    setup/apt-install.sh "$package" >&2
    makes_venvs "$without_venv" && exec "$without_venv" -c 'import sys; print(sys.executable)'
fi
refuse "$without_venv cannot make virtual environments: its module ensurepip is missing." \
    "On Debian or Ubuntu: sudo apt-get install $package"
