"""`nlp-lstm info`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
def info(model: Path, output_format: str) -> None:
    """Describe MODEL: its task, labels, sizes and settings."""
    from nlp_lstm.stages.predictor import load  # heavy: only when it is used

    predictor = load(model)
    config = predictor.description
    found = {
        "folder": str(model),
        "task": config["task"],
        "version": config.get("version"),
        "labels": list(predictor.labels),
        "vocabulary": len(predictor.vocabulary),
        "weights": sum(weights.numel() for weights in predictor.model.parameters()),
        "bytes": sum(file.stat().st_size for file in model.iterdir() if file.name.startswith("model.")),
        **{section: config.get(section, {}) for section in ("tokenizer", "encoder", "head", "training")},
    }
    if isinstance(found["tokenizer"], dict):  # subwords carry their whole table: too long to show
        found["tokenizer"] = {name: value for name, value in found["tokenizer"].items() if len(str(value)) < 1000}
    if output_format == "json":
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from nlp_lstm.cli.tables import print_pairs

    print_pairs({name: _shown(value) for name, value in found.items()})


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if type(value) is int else str(value)
