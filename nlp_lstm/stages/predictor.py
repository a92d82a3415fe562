"""A trained model in use: texts in, predictions out, one for one and in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any

from torch import nn

from nlp_lstm.config import DataSettings, WritingOptions
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.series import FutureRows
from nlp_lstm.errors import UsageError
from nlp_lstm.inspection import GradientReport, Inspection
from nlp_lstm.stages.chunks import FIRST_CHUNK, LAST_CHUNK, check_text, check_text_or_words, each_of, grow_chunks
from nlp_lstm.stages.inspecting import inspect_text
from nlp_lstm.stages.network import REMEMBERED
from nlp_lstm.stages.reaching import measure_gradients
from nlp_lstm.stages.state_stream import StateStream
from nlp_lstm.tasks.numbers import Foresees, ReadsNumbers
from nlp_lstm.tasks.parts import HasParts
from nlp_lstm.tasks.task import Note, Report, Task, doubts, encoder_vocabulary
from nlp_lstm.tasks.writing import Writer, Writes
from nlp_lstm.tasks.writing_options import writing_options
from nlp_lstm.text.vocabulary import Vocabulary

SIDES, KINDS = ("source", "target"), {"lang": "language", "column": "column"}
"""The sides of sentence pairs, and by what a setting names one."""


class Predictor:
    """A model loaded from its folder.

    Args:
        task: the task, with its labels, tokenizer and vocabularies.
        model: the network, with its weights.
        description: the folder's `config.json`.
    """

    def __init__(self, task: Task, model: nn.Module, description: dict[str, Any]) -> None:
        self.task, self.model = task, model.eval()
        self.description = description

    @property
    def tokenizer(self) -> Any:
        """Cuts texts as in training."""
        return self.task.tokenizer

    @property
    def takes_words(self) -> bool:
        """Whether a text may also be given as a sequence of words."""
        return self.task.takes_words

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, in the network's order; where there are several kinds, or parts, those of the first."""
        return tuple(next(iter(self.task.to_labels().values()), ()))

    @property
    def vocabulary(self) -> Vocabulary:
        """Gives the tokens that the encoder reads their ids.

        Raises:
            UsageError: it reads no tokens.
        """
        return encoder_vocabulary(self.task)

    @property
    def options(self) -> frozenset[str]:
        """The options of its own that `predict` takes."""
        own = set(signature(self.task.answer).parameters) - set(signature(Task.answer).parameters)
        return frozenset(own - {"choices"} | set(WritingOptions.model_fields) if isinstance(self.task, Writes) else own)

    def writer(self) -> Writer:
        """Return what continues texts with the model.

        Raises:
            UsageError: it does not write.
        """
        if not isinstance(self.task, Writes):
            raise UsageError(f"the model does not write: its task is {self.description.get('task')!r}, not 'generate'")
        return self.task.writer(self.model)

    def forecast(self, rows: Any, *, times: Sequence[object] = ()) -> FutureRows:
        """Return the rows that follow on some.

        Args:
            rows: numbers, (rows, columns) with the columns in the order of training; or a mapping from columns to
                numbers; or a `Series`.
            times: when each was taken, written as in a file; with equal steps the forecast goes on with them.

        Raises:
            DataError: there are too few rows, or a column is missing.
            UsageError: the model does not forecast.
            ValueError: a number is not finite, or the rows have another number of columns.
        """
        if not isinstance(self.task, Foresees):
            raise UsageError(f"the model does not forecast: its task is {self.description.get('task')!r}")
        return self.task.forecast(self.model, rows, times=times)

    def predict(self, inputs: Any, *, batch_size: int = 256, **options: Any) -> Any:
        """Predict for one text, a list of them, or a stream.

        Args:
            inputs: a string gives a prediction, a list or tuple a list, any other iterable an iterator. In place of
                a text a tagger also takes a sequence of words: a sentence that is cut already. A task without text
                takes the `given` of its records.
            batch_size: texts that go through the network together; it does not change what comes out. With 1,
                a stream is answered text by text; otherwise it is read ahead.
            **options: the task's own, such as a tagger's `n_best`.

        Raises:
            TypeError: `inputs` is neither a text nor texts, or something among them is no text.
            UsageError: something among them is a text, and the model reads none.
        """
        if isinstance(inputs, str):
            return next(self.stream([inputs], batch_size=batch_size, **options))
        stream = self.stream(each_of(inputs, "a text or several texts"), batch_size=batch_size, **options)
        return list(stream) if isinstance(inputs, Sequence) else stream

    __call__ = predict

    def stream(self, inputs: Iterable[Any], *, batch_size: int = 256, **options: Any) -> Iterator[Any]:
        """Yield a prediction for each input, in order; memory does not grow with their number.

        Of a generator and a single string it yields the string's continuation, piece by piece:
        `stream("ROMEO:", top_p=0.9, seed=1)`. Else a text is read whole, however long: one of 50,000 tokens takes some
        200 MB at hidden size 128.

        Raises:
            TypeError: the inputs are no texts, or one string and the model is no generator, or something among them is
                no text; what came before is yielded first.
            ValueError: `batch_size` is less than 1.
        """
        if isinstance(inputs, str) and isinstance(self.task, Writes):
            seed = options.pop("seed", 1)
            yield from self.writer().continue_text(inputs, writing_options(**options), seed=seed)
            return
        if isinstance(inputs, str):
            raise TypeError("expected texts, found one string; predict takes a single text")
        first, last = (FIRST_CHUNK, LAST_CHUNK) if batch_size > 1 else (1, 1)
        for chunk in grow_chunks(each_of(inputs), first=first, last=last, check=self._check_input):
            yield from self.task.answer(self.model, chunk, batch_size=batch_size, **options)

    def inspect(
        self,
        given: Any,
        *,
        method: str = "ig",
        target: str | None = None,
        layer: int | None = None,
        window: int | None = None,
    ) -> Inspection:
        """Return what the inside of the network did with one text: its gates, and what the prediction rests on.

        Gates and states are computed by the written-out cells from the weights the kernels use, and seen to be equal.
        A Transformer has none; of it there is what it adds to each token, and its attention.

        Args:
            given: a text or, to a tagger, a sequence of words; to a forecaster what `forecast` takes, of which it looks
                at the last rows.
            method: `ig` for integrated gradients, or `leave-one-out`.
            target: what is to be explained, if not what is predicted: a classifier's label, the number of a tagger's
                word or of a translation's token, counted from 1, a token to come next in a generator's text; of a
                forecast `COLUMN`, `COLUMN+ROWS` or `+ROWS`, so many rows ahead; of a model of several parts `PART`,
                or `PART.X` with what that part's task takes.
            layer: the only layer to look into, counted from 1; None looks into all.
            window: of a text longer than 2,000 tokens (256 of a translator), which part of so many; None takes the
                first, of a generator the last.

        Raises:
            DataError: the text holds no token, or there are fewer rows than a forecaster looks back on.
            UsageError: the task cannot be looked into, or there is no such method, target, layer or window.
        """
        return inspect_text(self, given, method=method, target=target, layer=layer, window=window)

    def gradients(
        self,
        given: Any = None,
        *,
        target: str | None = None,
        layer: int | None = None,
        window: int | None = None,
        steps: int = 100,
        seed: int = 1,
    ) -> GradientReport:
        """Return how far the error of the last step reaches back, here and in fresh networks of the same size.

        The loss is minus what `inspect` explains. Fresh layers of every cell read the same embeddings, and the same
        head reads them.

        Args:
            given: as in `inspect`; None takes a text of random tokens, or a made sequence.
            target: as in `inspect`.
            layer: the layer to look into, counted from 1; None takes the top one.
            window: as in `inspect`.
            steps: how many steps back to go at most.
            seed: decides the fresh weights and the random tokens.

        Raises:
            DataError: the text holds fewer than two tokens.
            UsageError: as `inspect`; or the layers are a Transformer's, which carries no state.
        """
        return measure_gradients(self, given, target=target, layer=layer, window=window, steps=steps, seed=seed)

    def stream_state(self) -> StateStream:
        """Return what reads one text piece by piece and gives the state at every token, as of the whole text.

        Raises:
            UsageError: the model reads both ways, or no text, or cannot be inspected.
        """
        return StateStream(self)

    @property
    def _check_input(self) -> Callable[[Any, int], None]:
        if isinstance(self.task, ReadsNumbers):
            return self.task.check_input
        return check_text_or_words if self.task.takes_words else check_text

    def records(self, source: str, **data: Any) -> Iterator[Record]:
        """Stream the inputs of a source: its texts or, where the task knows such files, its words.

        Args:
            source: a path, `-` for standard input, or `hf:NAME[:SPLIT]`.
            **data: settings of a recipe's `[data]` section; for columns and languages that are not given, those of
                the training data are taken.

        Raises:
            DataError: the source cannot be read (on), or a row is malformed.
        """
        return self.task.records(source, self._data(data))

    def read(self, source: str, **data: Any) -> list[Any]:
        """Return the labelled examples of a source, for `evaluate`; arguments as for `records`.

        A model of several parts reads `NAME=FILE`, where NAME is a part.

        Raises:
            DataError: the source cannot be read, or has problems.
            UsageError: there is no such part; or a language or a column that the model translates from is named as the
                one to translate into, or the other way round.
        """
        if isinstance(self.task, HasParts):
            return self.task.read_part(source, {name: value for name, value in data.items() if value is not None})
        return self.task.read(source, self._data(data), lambda: self.tokenizer)

    def _data(self, given: Mapping[str, Any]) -> DataSettings:
        remembered = self.description.get("data")
        known = remembered if isinstance(remembered, dict) else {}
        kept = {name: known[name] for name in REMEMBERED if known.get(name)}
        _see_direction(kept, given)
        return DataSettings(**kept | {name: value for name, value in given.items() if value not in (None, ())})

    @property
    def evaluation_options(self) -> frozenset[str]:
        """The options of its task's own that `evaluate` takes."""
        return frozenset(set(signature(self.task.predict).parameters) - set(signature(Task.predict).parameters))

    def evaluate(
        self, examples: Sequence[Any], *, batch_size: int = 256, note: Note = lambda line: None, **options: Any
    ) -> Report:
        """Return the scores on labelled examples.

        Args:
            examples: as `read` returns them.
            batch_size: examples that go through the network together.
            note: who is told what is worth knowing of them, such as tags that training never saw, or pairs that
                look turned round.
            **options: the task's own, such as a generator's `dynamic`.

        Raises:
            DataError: they cannot be scored: a class label was never seen in training, for example.
        """
        for line in (*self.task.check(examples), *doubts(self.task, self.model, examples)):
            note(line)
        tokens = self.task.tokenize(examples, self.tokenizer, cache=None)
        rows = self.task.encode(tokens)
        return self.task.report(examples, self.task.predict(self.model, rows, batch_size=batch_size, **options))


def _see_direction(known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """See that nothing is given as a side of the sentence pairs that was the other side in training.

    Raises:
        UsageError: something is, whether it names a language or a column.
    """
    sides = {side: [known[key] for kind in KINDS if (key := f"{side}_{kind}") in known] for side in SIDES}
    swapped = [
        f"the {side} {what} is given as {name!r}"
        for side, other in (SIDES, SIDES[::-1])
        for kind, what in KINDS.items()
        if (name := given.get(f"{side}_{kind}")) in sides[other] and name not in sides[side]
    ]
    if swapped:
        way = " to ".join(repr(next(iter(names), None)) for names in sides.values())
        raise UsageError(f"{' and '.join(swapped)}, but the model translates from {way}")
