"""Several tasks at once: each a head of its own on one encoder, which reads a text once for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from nlp_lstm.batching.alternating import AlternatingBatches, PartBatch
from nlp_lstm.batching.spelled import SpelledRows
from nlp_lstm.config import (
    SPLITS,
    DataSettings,
    EncoderSettings,
    Settings,
    TrainingSettings,
    VocabularySettings,
)
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.splitting import hold_out
from nlp_lstm.corpora.tagged_records import read_words_or_texts
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.corpora.tokenized import tokenize_texts
from nlp_lstm.errors import DataError, ModelError, UsageError, nearest
from nlp_lstm.metrics.joint import JointReport
from nlp_lstm.nn.joint import JointNetwork
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.records.examples import PartExample, TaggedSentence
from nlp_lstm.records.predictions import JointPrediction
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.joint_settings import JointSettings, part_problems, part_settings, parts_problems, settle
from nlp_lstm.tasks.probing.probe import Probe
from nlp_lstm.tasks.probing.texts import PartProbes, ReadText
from nlp_lstm.tasks.task import CutsTexts, Note, Vocabularies, build_encoder, encoder_vocabulary, score_names
from nlp_lstm.tasks.word_scores import read_by_length
from nlp_lstm.tasks.words import (
    WordReader,
    build_word_vocabularies,
    check_word_vocabularies,
    check_words,
    sentence_of,
)
from nlp_lstm.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class JointTokens:
    """The words of the texts of each part, as they are written.

    Attributes:
        tables: the words by part.
        order: the part of each example, in their order.
    """

    tables: Mapping[str, TokenTable]
    order: tuple[str, ...]

    def counts(self) -> Counter[str]:
        """Return how often each word comes in all parts together."""
        total: Counter[str] = Counter()
        for table in self.tables.values():
            total.update(table.counts())
        return total


@dataclass(frozen=True)
class JointRows:
    """The same as ids."""

    rows: Mapping[str, SpelledRows]
    order: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.order)


class Joint(CutsTexts):
    """Reads the examples of several tasks, builds one network with a head for each, and asks them all at once.

    Args:
        tasks: the task of each part.
        settings: the head's settings.
        tokenizer: cuts texts into words.
        vocabularies: of the words and of the characters of all parts.
    """

    Settings: ClassVar[type[Settings]] = JointSettings
    unit: ClassVar[str] = "examples"
    headline: ClassVar[Mapping[str, str]] = {"mean score": "score"}
    costs: ClassVar[frozenset[str]] = frozenset()
    example_type: ClassVar[type] = PartExample
    takes_words: ClassVar[bool] = True

    def __init__(
        self, tasks: Mapping[str, Any], settings: JointSettings, tokenizer: Tokenizer, vocabularies: Vocabularies
    ) -> None:
        self.tasks = tasks
        self.settings, self.tokenizer, self.vocabularies = settings, tokenizer, vocabularies
        self._reader = WordReader(vocabularies, lowercase=tokenizer.lowercase)

    @classmethod
    def settle(cls, head: Mapping[str, Any]) -> dict[str, Any]:
        """Return the `[head]` section of a recipe with the defaults of its parts written out."""
        return settle(head)

    @classmethod
    def problems(cls, head: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
        """Return a line for each thing wrong with the parts, and with data that are named beside them."""
        return parts_problems(head, data)

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[PartExample]:
        """Refuse: a source is one of a part.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{source}: a model of several parts reads the data of one: NAME=FILE")

    @classmethod
    def read_split(
        cls, split: str, settings: JointSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[PartExample] | None:
        """Return the labelled examples of all parts that have such a split; None if none has."""
        found = {
            name: find_task(part.task).read(source, part.data, tokenizer, note=note)
            for name, part in settings.parts.items()
            if (source := getattr(part.data, split)) is not None
        }
        return [PartExample(name, example) for name, examples in found.items() for example in examples] or None

    def read_part(self, source: str, data: Mapping[str, Any]) -> list[PartExample]:
        """Return the labelled examples of `NAME=FILE`, read as part NAME reads its files; `data` is laid over that."""
        name, equals, file = source.partition("=")
        part = self.settings.parts.get(name)
        if not equals or part is None:
            hint = nearest(name, self.settings.parts) if equals else f"; parts: {', '.join(self.settings.parts)}"
            raise UsageError(f"{source}: expected NAME=FILE with the name of a part{hint}")
        settings = part.data.model_copy(update=DataSettings(**data).model_dump(exclude_defaults=True))
        examples = find_task(part.task).read(file, settings, lambda: self.tokenizer)
        return [PartExample(name, example) for example in examples]

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the texts of a source, or its words where it has columns."""
        return read_words_or_texts(
            source, data_format=data.format, columns=data.columns, text_column=data.text_column, online=data.online
        )

    @classmethod
    def hold_out(
        cls, examples: Sequence[PartExample], *, fraction: float, seed: int
    ) -> tuple[list[PartExample], list[PartExample]]:
        """Return the examples for training, and a random part of each part's for development."""
        rest: list[PartExample] = []
        held_out: list[PartExample] = []
        for name in dict.fromkeys(each.part for each in examples):
            one, other = hold_out(_of_part(name, examples), fraction=fraction, seed=seed)
            rest += [PartExample(name, example) for example in one]
            held_out += [PartExample(name, example) for example in other]
        return rest, held_out

    @classmethod
    def make_tokenizer(cls, settings: Any, examples: Sequence[PartExample]) -> Tokenizer:
        """Return a new tokenizer.

        Raises:
            UsageError: it does not cut words.
        """
        check_words(settings.kind)
        return super().make_tokenizer(settings, examples)

    @classmethod
    def tokenize(cls, examples: Sequence[PartExample], tokenizer: Tokenizer, *, cache: Path | None) -> JointTokens:
        """Return the words of the examples as they are written; sentences of words need no cutting."""
        order = tuple(each.part for each in examples)
        as_written: Any = replace(tokenizer, lowercase=False)  # type: ignore[type-var]
        tables = {name: _words_of(_of_part(name, examples), as_written, cache=cache) for name in dict.fromkeys(order)}
        return JointTokens(tables, order)

    @classmethod
    def build_vocabularies(
        cls, tokens: JointTokens, tokenizer: Tokenizer, settings: VocabularySettings
    ) -> Vocabularies:
        """Return the vocabularies of the words and characters of all parts together."""
        return build_word_vocabularies(tokens.counts(), tokenizer, settings)

    @classmethod
    def from_examples(
        cls, examples: Sequence[PartExample], settings: JointSettings, tokenizer: Tokenizer, vocabularies: Vocabularies
    ) -> Joint:
        """Return the task of the training examples.

        Raises:
            DataError: there is nothing to learn in those of a part.
        """
        tasks, parts = {}, {}
        for name, part in settings.parts.items():
            own = _of_part(name, examples)
            if not own:
                raise DataError(f"there are no training examples of the part {name!r}")
            head = part_settings(part.task, part.head)
            tasks[name] = find_task(part.task).from_examples(own, head, tokenizer, vocabularies)
            paths = dict.fromkeys(SPLITS)  # they say nothing elsewhere
            update = {"head": tasks[name].settings.model_dump(), "data": part.data.model_copy(update=paths)}
            parts[name] = part.model_copy(update=update)
        return cls(tasks, settings.model_copy(update={"parts": parts}), tokenizer, vocabularies)

    @classmethod
    def from_labels(
        cls,
        labels: Mapping[str, Sequence[str]],
        settings: JointSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> Joint:
        """Return the task of a model folder.

        Raises:
            ModelError: the labels are not those of the parts, or the parts are none.
        """
        check_word_vocabularies(vocabularies)
        of_parts: dict[str, dict[str, Sequence[str]]] = {name: {} for name in settings.parts}
        for place, those in labels.items():
            name, _, kind = place.partition(".")
            if name not in of_parts:
                raise ModelError(f"{place}: there is no part {name!r}{nearest(name, of_parts)}")
            of_parts[name][kind] = those
        tasks = {}
        for name, part in settings.parts.items():
            problems = part_problems(name, part.model_dump(), in_memory=True)
            if problems:
                raise ModelError("; ".join(problems))
            head = part_settings(part.task, part.head)
            tasks[name] = find_task(part.task).from_labels(of_parts[name], head, tokenizer, vocabularies)
        return cls(tasks, settings, tokenizer, vocabularies)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the labels of all parts, each kind under the name of its part, a point and its own."""
        return {
            f"{name}.{kind}": those for name, task in self.tasks.items() for kind, those in task.to_labels().items()
        }

    def check(self, examples: Sequence[PartExample]) -> list[str]:
        """Return a line for each thing worth knowing of development or test examples."""
        own = {name: _of_part(name, examples) for name in self.tasks}
        return [f"{name}: {line}" for name, those in own.items() if those for line in self.tasks[name].check(those)]

    def encode(self, tokens: JointTokens) -> JointRows:
        """Return the ids of the words, with those of the spellings they consist of."""
        return JointRows({name: self._reader.encode(table) for name, table in tokens.tables.items()}, tokens.order)

    def build(self, encoder: EncoderSettings) -> JointNetwork:
        """Return a freshly initialised network."""
        spelling = self.settings.build(len(self.vocabularies["characters"]))
        shared = build_encoder(encoder, encoder_vocabulary(self), extra_size=spelling.output_size)
        return JointNetwork(shared, spelling, {name: task.build_part(shared) for name, task in self.tasks.items()})

    def batches(
        self, rows: JointRows, examples: Sequence[PartExample], settings: TrainingSettings
    ) -> AlternatingBatches:
        """Return the training batches: those of the parts in turn."""
        batches = {
            name: task.part_batches(self._reader.fill(rows.rows[name]), _of_part(name, examples), settings)
            for name, task in self.tasks.items()
        }
        return AlternatingBatches(batches, {name: part.weight for name, part in self.settings.parts.items()})

    def loss(self, model: nn.Module, batch: PartBatch) -> SummedLoss:
        """Return the mean loss of a batch, in nats: a batch is one item, as parts count theirs in different ways."""
        assert isinstance(model, JointNetwork)
        name = batch.part
        scores = model(*batch.batch.inputs, parts=[name])[name]
        loss = self.tasks[name].part_loss(model.parts[name], scores, batch.batch)
        return SummedLoss(loss.total / loss.n_items, 1.0)

    def predict(
        self,
        model: nn.Module,
        rows: JointRows,
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
    ) -> list[Any]:
        """Return what the part of each row predicts, in their order."""
        assert isinstance(model, JointNetwork)
        of_parts = {}
        for name, own in rows.rows.items():
            found: list[Any] = [None] * len(own)
            ask = partial(model, parts=[name])
            filled = self._reader.fill(own)
            for chosen, scores, mask in read_by_length(model, filled, ask, batch_size=batch_size, precision=precision):
                lengths = [len(own.rows[row]) for row in chosen]
                those = self.tasks[name].part_predictions(model.parts[name], scores[name], mask, lengths)
                for row, prediction in zip(chosen, those, strict=True):
                    found[row] = prediction
            of_parts[name] = iter(found)
        return [next(of_parts[name]) for name in rows.order]

    def score(self, examples: Sequence[PartExample], predictions: Sequence[Any]) -> float:
        """Return the number training watches: the plain mean of the parts' numbers, in [0, 1]."""
        scores = [self.tasks[name].score(*those) for name, those in self._parted(examples, predictions).items()]
        return sum(scores) / len(scores)

    @property
    def scores(self) -> frozenset[str] | None:
        """The names of all scores in its reports, those of a part behind its name; None if a part does not say its."""
        names = {"score"}
        for part, task in self.tasks.items():
            own = score_names(task)
            if own is None:
                return None
            names |= {f"{part}.{name}" for name in own}
        return frozenset(names)

    def report(self, examples: Sequence[PartExample], predictions: Sequence[Any]) -> JointReport:
        """Return the scores of each part."""
        reports = {
            name: {"task": self.settings.parts[name].task, **self.tasks[name].report(*those).to_dict()}
            for name, those in self._parted(examples, predictions).items()
        }
        return JointReport(len(examples), self.score(examples, predictions), reports)

    def answer(
        self, model: nn.Module, inputs: Sequence[str | Sequence[str]], *, batch_size: int = 256
    ) -> list[JointPrediction]:
        """Return what all parts say of each text, or of each sequence of words; the encoder reads it once."""
        assert isinstance(model, JointNetwork)
        sentences = [sentence_of(given, self.tokenizer) for given in inputs]
        rows = self._reader.encode(TokenTable.from_keys(sentence.words for sentence in sentences))
        found: list[dict[str, Any]] = [{} for _ in sentences]
        for chosen, scores, mask in read_by_length(model, self._reader.fill(rows), model, batch_size=batch_size):
            those = [sentences[row] for row in chosen]
            for name, task in self.tasks.items():
                answers = task.part_answers(model.parts[name], scores[name], mask, those)
                for row, answer in zip(chosen, answers, strict=True):
                    found[row][name] = answer
        pairs = zip(sentences, found, strict=True)
        return [JointPrediction(sentence.text, sentence.words, sentence.starts, parts) for sentence, parts in pairs]

    def probe(self, model: nn.Module, given: str | Sequence[str], target: str | None = None) -> Probe:
        """Return a text on its way through the network and one head, to be inspected.

        Args:
            model: the network.
            given: the text, or its words.
            target: `PART`, or `PART.X` where X is a target of the part's task; None takes the first part.

        Raises:
            UsageError: there is no such part, or its task cannot be inspected.
        """
        assert isinstance(model, JointNetwork)
        name, _, rest = (target or next(iter(self.tasks))).partition(".")
        task = self.tasks.get(name)
        if task is None:
            raise UsageError(f"no part {name!r}{nearest(name, self.tasks)}")
        if not isinstance(task, PartProbes):
            raise UsageError(f"the part {name!r} cannot be inspected")
        note = f"this is the part {name!r} of {', '.join(self.tasks)}; the target PART or PART.X names another"
        read = ReadText.of_words(given, self.tokenizer, self._reader, model.encoder, model.spelling, notes=(note,))

        def scores(*batch: Tensor) -> Any:
            return model(*batch, parts=[name])[name]

        def predict() -> dict[str, Any]:
            found: dict[str, Any] = self.answer(model, [given])[0][name].to_dict()
            return found

        return task.part_probe(model.parts[name], read, scores, predict, rest or None)

    def _parted(
        self, examples: Sequence[PartExample], predictions: Sequence[Any]
    ) -> dict[str, tuple[list[Any], list[Any]]]:
        """Return the examples and their predictions by part; parts without any are left out."""
        found: dict[str, tuple[list[Any], list[Any]]] = {}
        for each, prediction in zip(examples, predictions, strict=True):
            own, those = found.setdefault(each.part, ([], []))
            own.append(each.example)
            those.append(prediction)
        return found


def _of_part(name: str, examples: Sequence[PartExample]) -> list[Any]:
    return [each.example for each in examples if each.part == name]


def _words_of(examples: Sequence[Any], tokenizer: Tokenizer, *, cache: Path | None) -> TokenTable:
    """Return the words of the examples of one part."""
    if examples and isinstance(examples[0], TaggedSentence):
        return TokenTable.from_keys(example.words for example in examples)
    return tokenize_texts([example.text for example in examples], tokenizer, cache=cache)
