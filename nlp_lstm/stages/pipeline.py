"""Stages in a row, whose order is checked when they are put together: of training, or of running on texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from nlp_lstm.corpora.reading import Record, read_records
from nlp_lstm.errors import NlpLstmError, StageError, UsageError, listed
from nlp_lstm.records.document import Document
from nlp_lstm.stages import is_training
from nlp_lstm.stages.chunks import FIRST_CHUNK, each_of, grow_chunks
from nlp_lstm.stages.composed import is_composed, read_composed
from nlp_lstm.stages.composed_folder import write_composed
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.order import Stage, kind_problems, mixture_problems, order_problems
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.stages.sharing import share_encoders

CHUNK_CHARACTERS = 500_000
"""Characters that go through the stages together, unless a single text is longer."""
BATCH_SIZE = 256
"""Texts that go through the stages together, unless a number of them is given."""


class Pipeline:
    """Stages run one after the other on a record, each on what the one before gave.

    A running stage takes some documents and returns as many, so that a network has a batch to work on. A stage of
    training takes a `TrainingRecord` and returns one. Stages whose models have the same encoder, with the same weights,
    share it then, and compute it once for each batch.

    Args:
        stages: in the order they run; a pipeline among them stands for its own stages.
        given: what the record brings along.

    Raises:
        UsageError: there are no stages, or something is none; or some train and others run; or a stage requires what no
            stage before it provides, or makes use of what a later one provides, or two provide the same; every such
            case is named.
        TypeError: `stages` is nothing that holds stages.
    """

    def __init__(self, stages: Iterable[Stage | Pipeline], *, given: Iterable[str] = ()) -> None:
        if isinstance(stages, str) or not isinstance(stages, Iterable):
            raise TypeError(f"expected a list of stages, found {type(stages).__name__}")
        self.stages: tuple[Stage, ...] = tuple(
            inner for stage in stages for inner in (stage.stages if isinstance(stage, Pipeline) else (stage,))
        )
        problems = kind_problems(self.stages)
        if not problems:
            problems = [*mixture_problems(self.stages), *order_problems(self.stages, given=given)]
        if problems:
            raise UsageError(listed("the stages do not fit", problems))
        models = (getattr(stage, "predictor", None) for stage in self.stages)
        self._shared = share_encoders(model for model in models if isinstance(model, Predictor))

    @classmethod
    def load(cls, path: str | Path, *, device: str | None = None) -> Pipeline:
        """Return a composed pipeline, ready to run: of a TOML file, or of a folder that `save` has written.

        Args:
            path: the file or the folder.
            device: where the models run whose stage in the file does not say; `cpu` (the default), `cuda`, ...

        Raises:
            UsageError: something in the file is wrong; every problem is named.
            ModelError: the file or models are missing, damaged or of another task, and nothing else is wrong.
        """
        return cls(read_composed(Path(path), device=device))

    def save(self, folder: str | Path) -> None:
        """Write the pipeline and a copy of its models to a folder that `load` opens, also when it is moved elsewhere.

        What is opened there answers as this pipeline does.

        Raises:
            UsageError: the folder is not empty or cannot be written; or a stage holds what no file can, such as the
                function of `Map`, and all such stages are named; or a model's folder has changed since it was loaded.
            ModelError: a model's folder is gone, or is no longer whole.
        """
        write_composed(self.stages, Path(folder))

    def __call__(self, record: Any) -> Any:
        """Return the document of a text; of a list of documents, theirs; of any other record, it after the last stage.

        Raises:
            TypeError: the stages are of training and this is no `TrainingRecord`; or they are of running and it is
                neither a text nor a list of documents.
            StageError: a stage failed on a text or a document; the message says on which.
        """
        trains = next((kind for stage in self.stages if (kind := is_training(type(stage))) is not None), None)
        if trains and not isinstance(record, TrainingRecord):
            raise TypeError(f"expected a TrainingRecord, found {type(record).__name__}")
        if isinstance(record, str):
            return next(self.stream([record]))
        if _are_documents(record) and (record or trains is False):
            return list(self._through(_cut(record), "document"))
        if trains is False:
            raise TypeError(f"expected a text, found {type(record).__name__}; stream takes several texts")
        for stage in self.stages:
            record = stage(record)
        return record

    def stream(self, texts: Iterable[str], *, batch_size: int = BATCH_SIZE) -> Iterator[Document]:
        """Yield a document for each text, in order; memory does not grow with their number.

        When what gives the texts raises, or a stage does for one of them, the documents before come first; what is
        raised then says which text it was.

        Args:
            texts: any iterable of strings.
            batch_size: texts that go through the stages together; it does not change what comes out. With 1, each is
                answered before the next is asked for; otherwise they are read ahead.

        Raises:
            TypeError: the texts are none, or one string, or something among them is no text.
            StageError: a stage failed.
            ValueError: `batch_size` is less than 1.
        """
        if isinstance(texts, str):
            raise TypeError("expected texts, found one string; a call takes a single text")
        if batch_size < 1:
            raise ValueError(f"a batch must hold at least one text, not {batch_size}")
        first = min(FIRST_CHUNK, batch_size)
        chunks = grow_chunks(each_of(texts), first=first, last=batch_size, characters=CHUNK_CHARACTERS)
        yield from self._through(([Document(text) for text in chunk] for chunk in chunks), "text")

    def _through(self, chunks: Iterable[Sequence[Document]], what: str) -> Iterator[Document]:
        """Yield the documents after the last stage; messages call each `what`.

        Raises:
            StageError: a stage failed.
        """
        n_before = 0
        for chunk in chunks:
            try:
                done = _run(self.stages, chunk)
            finally:
                for encoder in self._shared:
                    encoder.forget()
            yield from done.documents
            if done.failed is not None:
                number = n_before + len(done.documents) + 1
                raise StageError(f"{what} {number}: {done.failed}: {_said(done.error)}") from done.error
            n_before += len(chunk)

    takes_words = False
    """Whether a text may also be given as a sequence of words."""

    @property
    def options(self) -> frozenset[str]:
        """The options that `stream` takes besides the size of its batches: none, they belong to the stages."""
        return frozenset()

    def records(self, source: str, **data: Any) -> Iterator[Record]:
        """Stream the texts of a source, as `Predictor.records` does; of `data`, a pipeline needs no columns.

        Raises:
            DataError: the source cannot be read (on), or a row is malformed.
        """
        return read_records(
            source,
            data_format=data.get("format"),
            text_column=data.get("text_column") or "text",
            online=bool(data.get("online")),
        )


def _are_documents(record: Any) -> bool:
    return isinstance(record, list | tuple) and all(isinstance(each, Document) for each in record)


def _cut(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """Yield documents in lists that go through the stages together, as `stream` cuts their texts."""
    rest = iter(documents)
    for chunk in grow_chunks([document.text for document in documents], characters=CHUNK_CHARACTERS, last=BATCH_SIZE):
        yield list(islice(rest, len(chunk)))


def open_model(path: str | Path, *, device: str | None = None) -> Predictor | Pipeline:
    """Return what a path leads to, ready to run: a composed pipeline or a single model.

    Raises:
        UsageError: as `Pipeline.load`.
        ModelError: as `Pipeline.load` and `load`.
    """
    return Pipeline.load(path, device=device) if is_composed(Path(path)) else load(path, device=device)


@dataclass(frozen=True)
class _Done:
    """What came of some documents: those before the first that failed, the stage it failed in, and the error."""

    documents: Sequence[Document]
    failed: str | None = None
    error: Exception | None = None


def _run(stages: Sequence[Stage], documents: Sequence[Document]) -> _Done:
    """Return the documents after the last stage; where one fails in a stage, those before it go on alone."""
    done = _Done(documents)
    for stage in stages:
        after, error = _apply(stage, done.documents)
        done = _Done(after, done.failed, done.error) if error is None else _Done(after, stage.name, error)
    return done


def _apply(stage: Stage, documents: Sequence[Document]) -> tuple[list[Document], Exception | None]:
    """Return what a stage makes of documents, up to the first on which it fails, and the error it fails with."""
    after: list[Document] = []
    try:
        for document in stage(documents):
            if not isinstance(document, Document):
                raise TypeError(f"gave no document but {type(document).__name__}")
            after.append(document)
            if len(after) > len(documents):
                break
        if len(after) != len(documents):  # which is whose nobody knows
            number = "more than one" if after else "no"
            after.clear()
            raise ValueError(f"gave {number} document for a text")
        if any(one.text != other.text for one, other in zip(after, documents, strict=True)):
            after.clear()
            raise ValueError("gave a document of another text, or documents in another order")
    except MemoryError:
        raise
    except Exception as error:
        if after or len(documents) == 1:
            return after, error
    else:
        return after, None
    for document in documents:  # it looks at all of them before it gives one: so on which does it fail?
        alone, error_alone = _apply(stage, [document])
        after += alone
        if error_alone is not None:
            return after, error_alone
    return after, None


def _said(error: Exception | None) -> str:
    return str(error) if isinstance(error, NlpLstmError) else f"{type(error).__name__}: {error}"
