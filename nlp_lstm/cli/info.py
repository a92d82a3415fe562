"""`nlp-lstm info`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nlp_lstm.stages.pipeline import Pipeline
    from nlp_lstm.stages.predictor import Predictor


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
def info(model: Path, output_format: str) -> None:
    """Describe MODEL: its task, labels, sizes and settings; of a composed pipeline, its stages."""
    from nlp_lstm.stages.pipeline import Pipeline, open_model  # heavy: only when it is used

    opened = open_model(model)
    found = _of_pipeline(opened, model) if isinstance(opened, Pipeline) else _of_model(opened, model)
    if output_format == "json":
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from nlp_lstm.cli.tables import print_pairs

    print_pairs({row: _shown(each) for name, value in found.items() for row, each in _rows(name, value)})


def _of_model(predictor: Predictor, folder: Path) -> dict[str, object]:
    config = predictor.description
    vocabulary = next(iter(predictor.task.vocabularies.values()), None)
    sections = ("encoder", "head", "training") if vocabulary is None else ("tokenizer", "encoder", "head", "training")
    found = {
        "folder": str(folder),
        "task": config["task"],
        "version": config.get("version"),
        "labels": _labels(predictor),
        **({} if vocabulary is None else {"vocabulary": len(vocabulary)}),
        "weights": sum(weights.numel() for weights in predictor.model.parameters()),
        "bytes": sum(file.stat().st_size for file in folder.iterdir() if file.name.startswith("model.")),
        **{section: config.get(section, {}) for section in sections},
    }
    if isinstance(found.get("tokenizer"), dict):  # subwords carry their whole table: too long to show
        found["tokenizer"] = {name: value for name, value in found["tokenizer"].items() if len(str(value)) < 1000}
    return found


def _of_pipeline(pipeline: Pipeline, path: Path) -> dict[str, object]:
    from nlp_lstm.stages.composed import describe_composed
    from nlp_lstm.stages.composed_folder import arguments

    found: dict[str, object] = {"pipeline": str(path), "description": describe_composed(path)}
    for number, stage in enumerate(pipeline.stages, 1):
        predictor: Predictor | None = getattr(stage, "predictor", None)
        found[f"{number} {stage.name}"] = {
            **{name: str(value) for name, value in arguments(stage).items()},
            **({"labels": labels} if predictor is not None and (labels := _labels(predictor)) else {}),
            "provides": list(stage.provides),
        }
    return found


def _labels(predictor: Predictor) -> list[str] | dict[str, list[str]]:
    """Return the labels; of several kinds, or of several parts, those of each by its name."""
    kinds = {kind: list(labels) for kind, labels in predictor.task.to_labels().items() if labels}
    return kinds if len(kinds) > 1 else next(iter(kinds.values()), [])


def _rows(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield a row of values side by side, and one for each table among them, by its dotted name."""
    tables = {key: each for key, each in value.items() if isinstance(each, dict)} if isinstance(value, dict) else {}
    if not tables:
        yield name, value
        return
    assert isinstance(value, dict)
    plain = {key: each for key, each in value.items() if key not in tables}
    if plain:
        yield name, plain
    for key, table in tables.items():
        yield from _rows(f"{name}.{key}", table)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if type(value) is int else str(value)
