"""The stage that ends a run: scores into `metrics.json`, the model's card into `README.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from nlp_lstm.stages.ledger import Ledger, flat
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.store import write_card
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.task import Task
from nlp_lstm.tasks.writing import Writes
from nlp_lstm.training.memory import peak_memory


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
        "items": round(record.position.items),
        "best_items": round(record.position.best_items),
        "seconds": round(record.position.seconds, 1),
        "peak_memory": _peak_memory(Ledger(record.out)),
        **{split: report.to_dict() for split, report in record.reports.items()},
    }


def _peak_memory(ledger: Ledger) -> int | None:
    """Return the most memory a sitting of the run had, in bytes: the last one may have found little left to do."""
    logged = (line.get("peak_memory") for line in ledger.log())
    return max((peak for peak in (peak_memory(), *logged) if peak is not None), default=None)


def card(record: TrainingRecord, metrics: dict[str, Any]) -> str:
    """Return the model's card in Markdown: what it is, how to use it, its data, scores and settings."""
    assert record.splits is not None and record.task is not None
    recipe = record.recipe
    data = [f"| {split} | {_files(examples)} | {len(examples):,} |" for split, examples in record.splits.items()]
    kind = find_task(recipe.task)
    shown = {split: headline(kind, metrics[split]) for split in ("dev", "test") if split in metrics}
    names = list(shown["dev"])
    scores = [f"| {split} | {metrics[split]['n']:,} | {' | '.join(row.values())} |" for split, row in shown.items()]
    of_text = {
        "tokenizer": recipe.tokenizer.model_dump(),
        "vocabulary": recipe.vocabulary.model_dump(exclude={"vectors"}),
    }
    shown_settings = {
        **(of_text if record.tokenizer is not None else {}),
        "encoder": recipe.encoder.model_dump(),
        "head": record.task.settings.model_dump(),
        "training": recipe.training.model_dump(exclude={"init_from"}),
    }
    settings = [f"{name} = {value!r}" for name, value in flat(shown_settings).items()]
    return "\n".join(
        [
            f"# A {recipe.task} model",
            "",
            recipe.description or "Trained with nlp-lstm.",
            "",
            "```console",
            first_use(kind, "FOLDER"),
            "```",
            "",
            *(f"{name.capitalize()}: {', '.join(those)}." for name, those in record.task.to_labels().items() if those),
            "",
            "## Data",
            "",
            f"| split | file | {kind.unit} |",
            "|---|---|---|",
            *data,
            "",
            "## Scores",
            "",
            f"Seed {recipe.training.seed}, {metrics['steps']:,} steps in {metrics['seconds'] / 60:.1f} minutes. "
            f"The weights are {'averaged ones' if recipe.training.ema else 'those'} of step {metrics['best_step']:,}, "
            f"the best on dev, so the dev score flatters a little. The interval is a 95 % interval over "
            f"{metrics['dev'].get('interval_over', kind.unit)}; it knows nothing of other seeds.",
            "",
            f"| split | {metrics['dev'].get('unit', kind.unit)} | {' | '.join(names)} |",
            f"|---|---|{'---|' * len(names)}",
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


def first_use(kind: type[Task], folder: str) -> str:
    """Return the command by which a model of this kind is tried out."""
    if issubclass(kind, Writes):
        return f'nlp-lstm generate {folder} --prompt "…"'
    if issubclass(kind, ReadsNumbers):
        return f"nlp-lstm predict {folder} FILE"
    return f'nlp-lstm predict {folder} --text "…"'


def headline(kind: type[Task], report: Mapping[str, Any]) -> dict[str, str]:
    """Return the scores worth a glance as text, by the name people read; with a 95 % interval where there is one."""
    found = {name: _number(report, key) for name, key in kind.headline.items() if key in report}
    for part, own in report.get("parts", {}).items():
        found |= {f"{part} {name}": number for name, number in headline(find_task(own["task"]), own).items()}
    return found


def _files(examples: Sequence[Any]) -> str:
    """Return the names of the files that examples are from, of many the first."""
    names = list(dict.fromkeys(Path(example.source).name for example in examples))
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _number(report: Mapping[str, Any], key: str) -> str:
    if report.get(key) is None:
        return "-"
    interval = report.get(f"{key}_interval")
    span = f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
    return f"{report[key]:.4f}{span}"
