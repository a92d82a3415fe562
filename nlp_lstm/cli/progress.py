"""How training shows itself: a live bar on a terminal, plain lines elsewhere, all of it on standard error."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from nlp_lstm.stages.record import Observer
from nlp_lstm.stages.run import TrainedRun
from nlp_lstm.stages.saving import first_use, headline
from nlp_lstm.tasks import find_task
from nlp_lstm.training.loop import Progress as Step

PLAIN_SECONDS = 15.0
"""Between two plain lines, when no dev score comes in between."""


class TrainingView:
    """Shows notes and steps while the block runs; `observer` is what `train` takes."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, markup=False)
        self.observer = Observer(note=self._say, progress=self._step)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}"), console=self.console
        )
        self._task: TaskID | None = None
        self._live = self.console.is_terminal and not self.console.no_color
        self._shown = time.monotonic()

    def __enter__(self) -> TrainingView:
        if self._live:
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._live:  # elsewhere stopping would still print an empty line
            self._bar.stop()

    def _step(self, step: Step) -> None:
        line = f"step {step.step:,}/{step.total_steps:,}  {_numbers(step)}"
        if step.score is not None:
            best = "  best so far" if step.best_step == step.step else ""
            self._say(f"{line}  dev {step.shown}{best}")
        elif not self._live and time.monotonic() - self._shown > PLAIN_SECONDS:
            self._say(line)
        if self._live:
            if self._task is None:
                self._task = self._bar.add_task("training", total=step.total_steps, line="")
            self._bar.update(self._task, completed=step.step, line=_numbers(step))

    def _say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)
        self._shown = time.monotonic()

    def summary(self, run: TrainedRun) -> None:
        """Show the scores of a finished run and what to do next."""
        kind = find_task(run.metrics["task"])
        table = Table("data", run.metrics["dev"].get("unit", kind.unit), *headline(kind, run.metrics["dev"]))
        reports = {split: run.metrics[split] for split in ("dev", "test") if split in run.metrics}
        for split, report in reports.items():
            table.add_row(split, f"{report['n']:,}", *headline(kind, report).values())
            for name, scores in report.get("per_forecast", {}).items():
                if name != "model":
                    table.add_row(f"{split}: {name}", "", *headline(kind, scores).values())
        self.console.print(table)
        for split, report in reports.items():
            if "note" in report:
                self.console.print(f"{split}: {report['note']}", soft_wrap=True)
        self.console.print(f"model in {run.folder}; next: {first_use(kind, str(run.folder))}", soft_wrap=True)


def _numbers(step: Step) -> str:
    return (
        f"epoch {step.epoch:.1f}  loss {step.loss:.3f}  {step.tokens_per_second:,.0f} tokens/s  "
        f"{_clock(step.seconds_left)} left"
    )


def _clock(seconds: float) -> str:
    """Return seconds as `m:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
