#!/bin/sh
# Builds the source archive and the wheel, then installs each into a clean environment and runs the demo there:
#   setup/release.sh [PYTHON_VERSION...]      default: every supported version; one that is missing is an error
set -eu

cd "$(dirname "$0")/.."
versions=${*:-3.11 3.12 3.13}
uv=.venv/bin/uv

for version in $versions; do
    command -v "python$version" >/dev/null || {
        echo "release: python$version is missing. Install it, or name the versions: make release PYTHONS=\"3.11\"" >&2
        exit 1
    }
done

rm -rf dist
# The wheel is built from the source archive, in isolation: what an installer will do with it.
"$uv" build --quiet --sdist --out-dir dist
"$uv" build --quiet --wheel --out-dir dist dist/spillwatch-*.tar.gz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for version in $versions; do
    for file in dist/*; do
        echo "release: trying $file on Python $version"
        "python$version" -m venv --clear "$work/env"
        "$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
            --only-binary :all: --require-hashes --requirement requirements.lock
        # From the source archive the project itself is built, with its build tools fetched by pip.
        "$work/env/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$file"
        # In an empty folder, so that the clone's packages cannot stand in for missing ones.
        (cd "$work" && "$work/env/bin/spillwatch" --version && "$work/env/bin/spillwatch" demo --once --json)
    done
done
echo "release: these files work on Python $versions:"
ls -l dist
