#!/bin/sh
# Make or mend .venv from the pinned requirements. `make setup` calls this; so does every target that needs Python.
# Needs a Python of at least 3.11 and nothing else. PYTHON=/path/to/python chooses one.
set -eu
cd "$(dirname "$0")/.."

fail() { printf '\nsetup: %s\n' "$1" >&2; exit 1; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ -x .venv/bin/python ] && new_enough .venv/bin/python; then
    python=.venv/bin/python
else
    python=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "no Python 3.11 or newer found (looked for ${PYTHON:-python3, python3.13, python3.12, python3.11}; \
python3 is $(command -v python3 >/dev/null && python3 --version 2>&1 || echo missing)). Install one, or run: make setup PYTHON=/path/to/python3.12"
    "$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module; on Debian and Ubuntu: \
apt-get install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    printf 'Making .venv with %s\n' "$("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
    python=.venv/bin/python
fi
"$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip --upgrade >/dev/null

printf 'Installing %s pinned packages into .venv (about 1 GB; the first time takes a few minutes)\n' \
    "$(grep -c '==' requirements/dev.txt)"
# The pipe hides pip's status, so it is written down. pip compiles bytecode with one core: all do it below.
status=$(mktemp)
trap 'rm -f "$status"' EXIT
{
    "$python" -m pip install --require-hashes --no-compile --disable-pip-version-check --no-input -r requirements/dev.txt
    echo $? >"$status"
} | { grep -vE '^(Requirement already satisfied|Ignoring |Looking in )' || true; }
[ "$(cat "$status")" = 0 ] || fail "the pinned packages could not be installed; see above"
# Some packages hold files that are no Python of this version, and are never imported.
"$python" -m compileall -qq -j 0 .venv/lib || true
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ||
    fail "Leeway itself could not be installed; see above"
printf 'Ready: .venv with %s\n' "$("$python" --version)"
