#!/usr/bin/env bash
# Builds and runs every test. The last line printed is "N passed, N failed"; fails if any failed.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if ! tools/scripts/build.sh; then
  say "the build failed"
  echo "0 passed, 1 failed"
  exit 1
fi
exec .venv/bin/python tools/scripts/check.py --build "$build" --jobs "$jobs"
