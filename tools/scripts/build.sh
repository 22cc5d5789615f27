#!/usr/bin/env bash
# Installs what is missing, configures and builds. PRESET=release|debug|asan (CMakePresets.json),
# JOBS=N build jobs. The tools are in build/bin (build-debug/bin, build-asan/bin).
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tools/scripts/setup.sh
if ! log=$(cmake --preset "$preset" 2>&1); then
  say "$log"
  exit 1
fi
cmake --build "$build" -j "$jobs"
