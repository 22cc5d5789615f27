#!/usr/bin/env bash
# Installs what is missing, configures and builds. PRESET=release|debug|asan (CMakePresets.json),
# JOBS=N build jobs. The tools are in build/bin (build-debug/bin, build-asan/bin).
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tools/scripts/setup.sh
# The Python package; an interpreter without sanitizers cannot load one with them.
python=(-DCOMPRESS_BUILD_PYTHON=ON "-DPython_EXECUTABLE=$PWD/.venv/bin/python")
if [[ $preset == asan ]]; then
  python=(-DCOMPRESS_BUILD_PYTHON=OFF)
fi
if ! log=$(cmake --preset "$preset" "${python[@]}" 2>&1); then
  say "$log"
  exit 1
fi
cmake --build "$build" -j "$jobs"
