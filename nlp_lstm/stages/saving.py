"""The stage that ends a run: scores into `metrics.json`, the model's card into `README.md`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.store import write_card


@dataclass(frozen=True)
class Save:
    """Writes the scores and the card beside the weights that training kept."""

    name: ClassVar[str] = "save"
    requires: ClassVar[tuple[str, ...]] = ("model", "position", "reports", "task", "splits")
    provides: ClassVar[tuple[str, ...]] = ("metrics",)

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `metrics`; the run's folder is complete afterwards."""
        metrics = _metrics(record)
        write_card(record.out, card(record, metrics))
        Ledger(record.out).keep_metrics(metrics)
        return replace(record, metrics=metrics)


def _metrics(record: TrainingRecord) -> dict[str, Any]:
    assert record.position is not None and record.reports is not None
    return {
        "task": record.recipe.task,
        "steps": record.position.step,
        "best_step": record.position.best_step,
        "best_dev_score": record.position.best_score,
        "seconds": round(record.position.seconds, 1),
        **{split: report.to_dict() for split, report in record.reports.items()},
    }


def card(record: TrainingRecord, metrics: dict[str, Any]) -> str:
    """Return the model's card in Markdown: what it is, how to use it, its data, scores and settings."""
    assert record.splits is not None
    recipe = record.recipe
    data = [
        f"| {split} | {Path(examples[0].source).name} | {len(examples):,} |"
        for split, examples in record.splits.items()
    ]
    scores = [
        f"| {split} | {metrics[split]['n']:,} | {_interval(metrics[split])} | {metrics[split]['macro_f1']:.4f} |"
        for split in ("dev", "test")
        if split in metrics
    ]
    settings = [
        f"{section}.{name} = {value!r}"
        for section in ("tokenizer", "vocabulary", "encoder", "head", "training")
        for name, value in dict(getattr(recipe, section)).items()
        if (section, name) != ("vocabulary", "vectors")
    ]
    return "\n".join(
        [
            f"# A {recipe.task} model",
            "",
            recipe.description or "Trained with nlp-lstm.",
            "",
            "```console",
            'nlp-lstm predict FOLDER --text "…"',
            "```",
            "",
            f"Labels: {', '.join(record.task.labels)}.",
            "",
            "## Data",
            "",
            "| split | file | texts |",
            "|---|---|---|",
            *data,
            "",
            "## Scores",
            "",
            f"Seed {recipe.training.seed}, {metrics['steps']:,} steps in {metrics['seconds'] / 60:.1f} minutes. "
            f"The weights are {'averaged ones' if recipe.training.ema else 'those'} of step {metrics['best_step']:,}, "
            "the best on dev, so the dev score flatters a little. The interval is the 95 % Wilson interval over texts; "
            "it knows nothing of other seeds.",
            "",
            "| split | texts | accuracy (95 % interval) | macro F1 |",
            "|---|---|---|---|",
            *scores,
            "",
            "## Settings",
            "",
            "```",
            *settings,
            "```",
            "",
        ]
    )


def _interval(report: dict[str, Any]) -> str:
    low, high = report["accuracy_interval"]
    return f"{report['accuracy']:.4f} ({low:.4f} to {high:.4f})"
