"""Where models and data are: those kept in the repository, and the shared ones, which may be absent."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def _shared():
    """The folder of the shared assets: $COMPRESS_SHARED/assets, else ../shared/assets beside the tree."""
    folder = os.environ.get("COMPRESS_SHARED")
    return (Path(folder) if folder else ROOT.parent / "shared") / "assets"


def model_path(relative):
    """Path of a model given below `models/`, or None when it is not on this machine."""
    for base in (ROOT / "test/models", _shared() / "models"):
        if (base / relative).is_file():
            return base / relative
    return None


def data_path(relative):
    """Path of shared data (`images/…`, `text/…`), or None when it is not on this machine."""
    path = _shared() / relative
    return path if path.exists() else None


def reference(name):
    """Measurements of other tools on a shared model (`reference.json`); empty when absent."""
    path = data_path("reference.json")
    return json.loads(path.read_text()).get(name, {}) if path else {}
