"""Installed packages that are made up for a test."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    *,
    module: str,
    tasks: Mapping[str, str] | None = None,
    stages: Mapping[str, str] | None = None,
) -> Path:
    """Put a package of one module, with entry points from names to its classes, on the path; return its folder."""
    place = folder / f"site of {name}"
    about = place / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (place / f"{name}.py").write_text(module, encoding="utf-8")
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    groups = {"nlp_lstm.tasks": tasks or {}, "nlp_lstm.stages": stages or {}}
    lines = [
        line
        for group, those in groups.items()
        for line in (f"[{group}]", *(f"{each} = {name}:{kind}" for each, kind in those.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(place)
    return place
