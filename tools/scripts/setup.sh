#!/usr/bin/env bash
# Installs what building and testing need, if it is missing: Debian packages (needs root or
# password-less sudo) and the Python packages of requirements.txt into .venv. Instant when all is there.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages=(
  llvm-22-dev libmlir-22-dev mlir-22-tools llvm-22-tools clang-22 libclang-rt-22-dev lld-22
  clang-format-22 ninja-build cmake ccache libprotozero-dev libeigen3-dev libopenblas0-pthread
  libzip-dev libgtest-dev
  zlib1g-dev libzstd-dev libxml2-dev libedit-dev libffi-dev libcurl4-openssl-dev python3-venv
  python3-dev
)

installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null |
  awk '$1 == "ii" { print $2 }' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done

if ((${#missing[@]})); then
  as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      say "These packages are missing; install them as root, then run this again:"
      say "  apt-get install --no-install-recommends ${missing[*]}"
      exit 1
    fi
    as_root=(sudo -n)
  fi
  say "installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -q >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
fi

requirements=tools/scripts/requirements.txt
if ! cmp -s "$requirements" .venv/requirements.txt; then
  say "installing Python packages into .venv"
  python=/usr/bin/python3
  [[ -x $python ]] || python=python3
  "$python" -m venv --clear .venv
  .venv/bin/python -m pip install -q --disable-pip-version-check -r "$requirements" >&2
  cp "$requirements" .venv/requirements.txt
fi
