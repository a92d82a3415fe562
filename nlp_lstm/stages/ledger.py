"""What a run's folder remembers of the run: its settings, its data, its budget in steps, its log."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nlp_lstm.config import IN_MEMORY, SPLITS, DataSettings, Recipe, problems_of
from nlp_lstm.corpora.opening import is_file_name
from nlp_lstm.corpora.pair_files import parallel_files
from nlp_lstm.corpora.row_ranges import split_range
from nlp_lstm.corpora.text_blocks import text_files
from nlp_lstm.errors import UsageError, listed
from nlp_lstm.files import write_json, write_text
from nlp_lstm.stages.record import Splits
from nlp_lstm.store import CARD, CONFIG, LABELS, LOG, RUN, VOCABULARY, WEIGHTS

try:
    import fcntl
except ImportError:  # not a POSIX system: no lock
    fcntl = None  # type: ignore[assignment]

METRICS, CHECKPOINT = "metrics.json", "checkpoint.safetensors"
_OWN = (LOG, METRICS, CHECKPOINT, WEIGHTS, CONFIG, VOCABULARY, LABELS, CARD)
FINISHED = "holds this run already, finished; --fresh trains it again"
NOTHING: Splits = MappingProxyType({})


class Ledger:
    """The memory of the run in `folder`.

    Args:
        folder: the run's folder; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / CHECKPOINT
        self.log_file = folder / LOG

    def check(self, recipe: Recipe, *, fresh: bool, given: Splits = NOTHING) -> None:
        """See that a run may start or go on here; nothing is changed.

        A run that never came to train may be started again with other settings.

        Args:
            recipe: the settings.
            fresh: whether what an earlier run left is to be forgotten.
            given: the examples that are not read from files, by split.

        Raises:
            UsageError: the folder holds a run with other settings or data (each difference is shown), or
                something that is no run; or the run is to begin with the model of this very folder.
        """
        source = recipe.training.init_from
        if source is not None and Path(source).resolve() == self.folder.resolve():
            raise UsageError(f"training.init_from: {source} is the run's own folder: give another --out")
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder} is a file: give another --out")
        if not (self.folder / RUN).exists() and any(not _is_temporary(path) for path in self._files()):
            raise UsageError(f"{self.folder} holds something that is no run of ours: give another --out")
        before = None if fresh else self._read(RUN)
        if before is None or "total_steps" not in before:
            return
        if not all(isinstance(before.get(part), dict) for part in ("settings", "data")):
            raise UsageError(f"{self.folder / RUN} is damaged (it lacks settings or data); --fresh starts over")
        changed = list(_differences(before, _identity(recipe, given)))
        if changed:
            advice = "the same settings go on with it, --fresh starts over, another --out keeps both"
            raise UsageError(listed(f"{self.folder} holds a run that differs ({advice})", changed))

    def check_unfinished(self, recipe: Recipe, *, fresh: bool, given: Splits = NOTHING) -> None:
        """See, as `check`, that a run may train here; nothing is changed.

        The arguments are those of `check`.

        Raises:
            UsageError: as `check`; or the run is finished, and is not to be forgotten.
        """
        self.check(recipe, fresh=fresh, given=given)
        if not fresh and self.metrics is not None:
            raise UsageError(f"{self.folder} {FINISHED}")

    def begin(self, recipe: Recipe, *, fresh: bool, given: Splits = NOTHING) -> None:
        """Start the run, or go on with it; clear away what a crash left, and with `fresh` what a run left.

        The arguments are those of `check`.

        Raises:
            UsageError: as `check_unfinished`; nothing has been changed then.
        """
        self.check_unfinished(recipe, fresh=fresh, given=given)
        for path in filter(_is_temporary, self._files()):
            path.unlink()
        if fresh:
            self._clear()
        if self.total_steps is None:
            write_json(self.folder / RUN, _identity(recipe, given))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in this folder while the block runs.

        Raises:
            UsageError: another one is training here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            yield
            return
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"another process is training in {self.folder}") from None
            yield
        finally:
            os.close(handle)  # which also unlocks it, as does the end of the process

    @property
    def total_steps(self) -> int | None:
        """The budget in optimizer steps, or None before it was measured."""
        steps = (self._read(RUN) or {}).get("total_steps")
        return None if steps is None else int(steps)

    def keep_total_steps(self, steps: int) -> None:
        """Note the budget, so that a resumed run ends where an unbroken one does."""
        write_json(self.folder / RUN, {**(self._read(RUN) or {}), "total_steps": steps})

    @property
    def data(self) -> DataSettings:
        """Where the data lie and how to read them; the defaults where nothing is remembered of a run."""
        settings = (self._read(RUN) or {}).get("settings")
        data = settings.get("data") if isinstance(settings, dict) else None
        known = isinstance(data, dict) and not problems_of(DataSettings, data)
        return DataSettings(**data) if known else DataSettings()  # type: ignore[arg-type]

    @property
    def metrics(self) -> dict[str, Any] | None:
        """The scores of the finished run, or None."""
        return self._read(METRICS)

    def keep_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Note the scores; with them the run is finished, and its checkpoint, several models large, goes."""
        write_json(self.folder / METRICS, metrics)
        self.checkpoint.unlink(missing_ok=True)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        with self.log_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def rewind(self, step: int) -> None:
        """Drop the log's lines of steps after `step`, which will be taken again."""
        if self.log_file.exists():
            kept = [line for line in self.log() if line["step"] <= step]
            write_text(self.log_file, "".join(json.dumps(line) + "\n" for line in kept))

    def log(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the log, an evaluation each."""
        if not self.log_file.exists():
            return
        for line in self.log_file.read_text(encoding="utf-8").split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue  # the end of the file, or a line that a crash cut short

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UsageError(f"{self.folder / name} is damaged ({error}); --fresh starts over") from error
        if not isinstance(content, dict):
            raise UsageError(f"{self.folder / name} is damaged (it holds no JSON object); --fresh starts over")
        return content

    def _files(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []

    def _clear(self) -> None:
        """Remove what a run left, its settings last: until then the folder is known as a run's."""
        for name in (*_OWN, RUN):
            (self.folder / name).unlink(missing_ok=True)


def _is_temporary(path: Path) -> bool:
    """Return whether a file is one of ours that a crash left half-written."""
    return path.suffix == ".tmp" and any(path.name.startswith(f".{name}.") for name in (*_OWN, RUN))


def _identity(recipe: Recipe, given: Splits) -> dict[str, Any]:
    """Return what makes two runs the same run: the settings as JSON gives them back, the content of data and models."""
    data = _checksums(recipe) | {f"{split} {IN_MEMORY}": _checksum(examples) for split, examples in given.items()}
    settings = recipe.model_dump(mode="json", exclude={"description"})
    return {"settings": settings, "data": data, "models": _model_checksums(recipe)}


def _checksum(examples: Sequence[Any]) -> str:
    """Return a checksum of examples in memory: of what they hold, as their records print it."""
    total = hashlib.blake2b(digest_size=16)
    for example in examples:
        total.update(repr(example).encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()


def _model_checksums(recipe: Recipe) -> dict[str, str]:
    """Return a checksum of what is taken over of the model that training begins with, if it is there."""
    source = recipe.training.init_from
    files = [] if source is None else [Path(source, name) for name in (WEIGHTS, VOCABULARY)]
    return {str(path): _file_checksum(path) for path in files if path.is_file()}


def _checksums(recipe: Recipe) -> dict[str, str]:
    """Return a checksum of each data file, so that a run is not resumed on other texts."""
    found = {}
    sources = [(getattr(data, split), data) for data in recipe.data_sections.values() for split in SPLITS]
    for source, data in [*sources, (recipe.vocabulary.vectors, recipe.data)]:
        for path in _files_of(source, data):
            found[str(path)] = _file_checksum(path)
    return found


def _file_checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _files_of(source: str | None, data: DataSettings) -> tuple[Path, ...]:
    """Return the files that a source stands for: itself, two of a prefix, those of a folder or a pattern, or none."""
    if source is None or not is_file_name(source):
        return ()
    source, _ = split_range(source)
    if Path(source).is_file():
        return (Path(source),)
    pair = parallel_files(source, (data.source_lang or "", data.target_lang or ""))
    return pair or tuple(map(Path, text_files(source) or ()))


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each setting, and for each file of the same name, that is not as it was."""
    then, today = flat(before["settings"]), flat(now["settings"])
    for name in sorted(then.keys() | today.keys()):
        if then.get(name) != today.get(name):
            yield f"{name}: was {then.get(name)!r}, now {today.get(name)!r}"
    models = before.get("models", {})  # one that is gone, or was never noted, is not missed: its weights are taken over
    then_read, now_read = {**before["data"], **models}, {**now["data"], **now["models"]}
    for name in sorted(then_read.keys() & now_read.keys()):
        if then_read[name] != now_read[name]:
            yield f"{name}: its content is not the same"
    if then == today:  # else a setting that changed says why other files are read
        for name in sorted(before["data"].keys() ^ now["data"].keys()):
            yield f"{name}: {'is gone' if name in before['data'] else 'was not there'}"


def flat(settings: Any, name: str = "") -> dict[str, Any]:
    """Return nested settings by their dotted names."""
    if not isinstance(settings, dict):
        return {name: settings}
    inner = (flat(value, f"{name}.{key}" if name else key) for key, value in settings.items())
    return {key: value for part in inner for key, value in part.items()}
