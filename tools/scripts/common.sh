# shellcheck shell=bash disable=SC2034
# Settings that all scripts share. Sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

preset=${PRESET:-release}
case $preset in
  release) build=$root/build ;;
  *) build=$root/build-$preset ;;
esac

cores=$(nproc)
jobs=${JOBS:-$((cores < 2 ? cores : 2))}

# A precompiled header hits in ccache only with these (and -fno-pch-timestamp, set by CMake).
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

say() { printf '%s\n' "$*" >&2; }
