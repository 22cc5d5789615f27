#!/usr/bin/env bash
# Builds, then compresses a small language model and prints size, perplexity and generated text.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tools/scripts/build.sh >&2
exec .venv/bin/python tools/scripts/demo.py --build "$build" "$@"
