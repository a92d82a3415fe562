"""`pipeline(task, model=DIR)`: called as a Hugging Face pipeline is, it answers in the same shapes.

Source of the shapes: documentation and code of `transformers/pipelines` (text_classification, token_classification,
text2text_generation, text_generation). All numbers are plain Python ones. Where theirs cut a long text, ours reads it
whole; where theirs refuse an empty list, ours gives one back.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from nlp_lstm.adapters.model_files import see_task
from nlp_lstm.config import Beam, Exponent, Positive, Settings, parse_settings
from nlp_lstm.errors import ModelError, UsageError, nearest
from nlp_lstm.records.predictions import Continuation, Prediction, Tagging, Translation
from nlp_lstm.stages.chunks import each_of, grow_chunks
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.predictor import Predictor

Record: TypeAlias = dict[str, Any]
"""One thing found, such as `{"label": "good", "score": 0.9}`."""


class Options(Settings):
    """What any pipeline can be told, when it is made or when it is called."""

    batch_size: Positive = 256


class ClassificationOptions(Options):
    """What a classifying pipeline can be told."""

    top_k: Positive | None = 1
    """How many labels to give, the likeliest first; None gives all."""


class TokenOptions(Options):
    """What a tagging pipeline can be told."""

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] = "none"
    """`none` gives words; all others give entities, and the same ones: our tags are of whole words."""
    ignore_labels: tuple[str, ...] = ("O",)
    """Tags (of entities: groups) to leave out. What is outside of entities is never a group."""
    is_split_into_words: bool = False
    """The input is a sentence as a list of words, or a list of such; offsets count in the words joined by blanks."""


class TranslationOptions(Options):
    """What a translating pipeline can be told."""

    num_beams: Beam | None = None
    """None takes the model's own."""
    num_return_sequences: Beam = 1
    """A text that is empty, or translated in parts, has one translation only."""
    length_penalty: Exponent | None = None
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] = 0
    src_lang: str | None = None
    tgt_lang: str | None = None


class GenerationOptions(Options):
    """What a writing pipeline can be told; `WritingOptions` says what most of it means."""

    max_new_tokens: Annotated[int, Field(ge=0)] = 200
    do_sample: bool = True
    """Whether tokens are drawn; else the likeliest is taken."""
    temperature: Annotated[float, Field(ge=0.0)] = 0.8
    top_k: Annotated[int, Field(ge=0)] = 0
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    min_p: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    repetition_penalty: Annotated[float, Field(gt=0.0)] = 1.0
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] = 0
    stop_strings: tuple[str, ...] = ()
    num_return_sequences: Positive = 1
    """Texts for each prompt, with the seeds `seed`, `seed` + 1, ...; where nothing is drawn there is one."""
    return_full_text: bool = True
    """Whether the prompt stands before what was written."""
    seed: Annotated[int, Field(ge=0)] = 1


class TextPipeline(ABC):
    """A model that is called as a Hugging Face pipeline.

    Args:
        predictor: the model.
        name: what the pipeline is called, for messages.
        options: what it is told for all calls.

    Raises:
        ModelError: the model is of another task.
        UsageError: an option is unknown or wrong.
    """

    needs: ClassVar[str]
    """The task of its models."""
    kind: ClassVar[type[Options]]

    def __init__(self, predictor: Predictor, name: str, options: Mapping[str, Any]) -> None:
        see_task(predictor, self.needs, wanted_by=f"pipeline {name!r}")
        self.model, self.task = predictor, name
        self._options = dict(options)
        self._settle({})

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Return what is found: for a string as Hugging Face does, for a list a list, else an iterator.

        Args:
            inputs: a text, a list of texts, or a stream of them.
            **options: laid over those given when the pipeline was made.

        Raises:
            TypeError: the inputs are no texts.
            UsageError: an option is unknown or wrong.
        """
        settled = self._settle(options)
        if self._is_one(inputs, settled):
            found = next(self._stream([inputs], settled))
            return self._for_one(found, options)
        answers = self._stream(each_of(inputs, "a text or several texts"), settled)
        return self._for_list(list(answers), settled) if isinstance(inputs, list | tuple) else answers

    def _settle(self, options: Mapping[str, Any]) -> Any:
        return parse_settings(self.kind, {**self._options, **options}, title=f"pipeline {self.task!r}")

    def _is_one(self, inputs: Any, options: Any) -> bool:
        return isinstance(inputs, str)

    def _stream(self, inputs: Iterable[Any], options: Any) -> Iterator[Any]:
        answers = self.model.stream(iter(inputs), batch_size=options.batch_size, **self._wishes(options))
        return (self._shaped(answer, options) for answer in answers)

    def _wishes(self, options: Any) -> dict[str, Any]:
        """Return the options of the model's own `predict`."""
        return {}

    @abstractmethod
    def _shaped(self, answer: Any, options: Any) -> Any:
        """Return what is found in one text."""

    def _for_one(self, found: Any, options: Mapping[str, Any]) -> Any:
        return found

    def _for_list(self, found: list[Any], options: Any) -> list[Any]:
        return found


class TextClassification(TextPipeline):
    """`{"label", "score"}` for each text, or a list of them with `top_k`; a string gets a list around."""

    needs, kind = "classify", ClassificationOptions

    def _shaped(self, answer: Prediction, options: ClassificationOptions) -> Record | list[Record]:
        if "top_k" not in options.model_fields_set:
            return {"label": answer.label, "score": answer.score}
        ranked = sorted(answer.scores.items(), key=lambda pair: -pair[1])  # stable: of equal ones, the model's first
        return [{"label": label, "score": score} for label, score in ranked[: options.top_k]]

    def _for_one(self, found: Any, options: Mapping[str, Any]) -> list[Any]:
        # Theirs looks at the call alone: a `top_k` given when the pipeline was made leaves the list around.
        return found if "top_k" in options else [found]


class TokenClassification(TextPipeline):
    """A list for each text: of tagged words, or of entities."""

    needs, kind = "tag", TokenOptions

    def _is_one(self, inputs: Any, options: TokenOptions) -> bool:
        if not options.is_split_into_words:
            return isinstance(inputs, str)
        return isinstance(inputs, list | tuple) and bool(inputs) and all(isinstance(word, str) for word in inputs)

    def _shaped(self, answer: Tagging, options: TokenOptions) -> list[Record]:
        if options.aggregation_strategy == "none":
            return [word for word in _words(answer) if word["entity"] not in options.ignore_labels]
        groups = _entities(answer) if getattr(self.model.task, "scheme", None) else _runs(answer)
        return [group for group in groups if group["entity_group"] not in options.ignore_labels]


class TranslationPipeline(TextPipeline):
    """`{"translation_text"}` for each text of a list; a list of them for a string, and for each text if several."""

    needs, kind = "translate", TranslationOptions

    def __init__(self, predictor: Predictor, name: str, options: Mapping[str, Any]) -> None:
        self._named = _languages(name)
        super().__init__(predictor, name, options)

    def _settle(self, options: Mapping[str, Any]) -> TranslationOptions:
        settled: TranslationOptions = super()._settle(options)
        source, target = self._named
        self._see_languages(settled.src_lang or source, settled.tgt_lang or target)
        return settled

    def _see_languages(self, *wanted: str | None) -> None:
        """See that the model translates from and to what is asked for; of one that does not say it, all is believed."""
        data = self.model.description.get("data") or {}
        known = [data.get("source_lang"), data.get("target_lang")]
        if any(ask and have and ask.lower() != have.lower() for ask, have in zip(wanted, known, strict=True)):
            ways = [" to ".join(lang or "?" for lang in way) for way in (known, wanted)]
            raise ModelError(f"pipeline {self.task!r}: the model translates {ways[0]}, asked for is {ways[1]}")

    def _wishes(self, options: TranslationOptions) -> dict[str, Any]:
        wishes: dict[str, Any] = {"beam": options.num_beams, "length_penalty": options.length_penalty}
        wishes["block_ngrams"] = options.no_repeat_ngram_size
        return wishes | {"n_best": options.num_return_sequences if options.num_return_sequences > 1 else 0}

    def _shaped(self, answer: Translation, options: TranslationOptions) -> list[Record]:
        return [{"translation_text": each.text} for each in answer.alternatives or (answer,)]

    def _for_list(self, found: list[Any], options: TranslationOptions) -> list[Any]:
        return [each[0] for each in found] if options.num_return_sequences == 1 else found


class TextGeneration(TextPipeline):
    """A list of `{"generated_text"}` for each prompt."""

    needs, kind = "generate", GenerationOptions

    def _settle(self, options: Mapping[str, Any]) -> GenerationOptions:
        settled: GenerationOptions = super()._settle(options)
        n, draws = settled.num_return_sequences, settled.do_sample and settled.temperature > 0
        if n > 1 and not draws:
            why = "temperature is 0" if settled.do_sample else "do_sample is false"
            raise UsageError(f"pipeline {self.task!r}: num_return_sequences: expected 1 where {why}, found {n}")
        return settled

    def _stream(self, inputs: Iterable[Any], options: GenerationOptions) -> Iterator[Any]:
        seeds = range(options.seed, options.seed + options.num_return_sequences)
        for chunk in grow_chunks(inputs):
            answers = [self.model.predict(chunk, seed=seed, **self._wishes(options)) for seed in seeds]
            yield from (self._shaped(several, options) for several in zip(*answers, strict=True))

    def _wishes(self, options: GenerationOptions) -> dict[str, Any]:
        same = ("max_new_tokens", "top_k", "top_p", "min_p", "repetition_penalty")
        return {name: getattr(options, name) for name in same} | {
            "temperature": options.temperature if options.do_sample else 0.0,
            "no_repeat_ngram": options.no_repeat_ngram_size,
            "stop": options.stop_strings,
        }

    def _shaped(self, answer: Sequence[Continuation], options: GenerationOptions) -> list[Record]:
        full = options.return_full_text
        return [{"generated_text": each.text if full else each.continuation} for each in answer]


PIPELINES: dict[str, type[TextPipeline]] = {
    "sentiment-analysis": TextClassification,
    "text-classification": TextClassification,
    "ner": TokenClassification,
    "token-classification": TokenClassification,
    "translation": TranslationPipeline,
    "text-generation": TextGeneration,
}
"""Every pipeline by the name that Hugging Face has for it; `translation_xx_to_yy` is `translation` too."""


def pipeline(
    task: str,
    model: str | Path | Predictor | None = None,
    *,
    device: str | int | None = None,
    **options: Any,
) -> TextPipeline:
    """Return a model that is called as a Hugging Face pipeline of the same name, and answers in its shapes.

    Args:
        task: `sentiment-analysis`, `text-classification`, `ner`, `token-classification`, `text-generation`,
            `translation` or, to be sure of the languages, such as `translation_en_to_de`.
        model: a model folder, or a model that is loaded already.
        device: `cpu` (the default), `cuda`, ...; as a number, that of a GPU, or -1 for the CPU.
        **options: the pipeline's own, such as `top_k`, `aggregation_strategy`, `num_beams` or `batch_size`; they can
            be given in a call too.

    Raises:
        ModelError: the folder is missing, damaged or incompatible, or its model is of another task.
        UsageError: there is no such pipeline, option or device.
    """
    kind = PIPELINES.get("translation" if any(_languages(task)) else task)
    if kind is None:
        raise UsageError(f"no pipeline {task!r}{nearest(task, PIPELINES)}")
    if model is None:
        raise UsageError(f"pipeline {task!r}: give model=FOLDER, as nothing is downloaded")
    if not isinstance(model, Predictor):
        model = load(model, device=_device(device))
    return kind(model, task, options)


def _device(device: str | int | None) -> str | None:
    if not isinstance(device, int):
        return device
    return "cpu" if device < 0 else f"cuda:{device}"


def _languages(name: str) -> tuple[str | None, str | None]:
    """Return the languages that a pipeline's name holds.

    >>> _languages("translation_en_to_de"), _languages("translation")
    (('en', 'de'), (None, None))
    """
    found = re.fullmatch(r"translation_(.+)_to_(.+)", name)
    return (found[1], found[2]) if found else (None, None)


def _words(answer: Tagging) -> list[Record]:
    """Return a record for each word; `index` counts from 1, as where a special token stands first."""
    parts = zip(answer.tags, answer.scores, answer.words, answer.starts, strict=True)
    return [
        {"entity": tag, "score": score, "index": number, "word": word, "start": start, "end": start + len(word)}
        for number, (tag, score, word, start) in enumerate(parts, 1)
    ]


def _entities(answer: Tagging) -> list[Record]:
    return [
        {
            "entity_group": each.entity_group,
            "score": each.score,
            "word": each.word,
            "start": each.start,
            "end": each.end,
        }
        for each in answer.entities
    ]


def _runs(answer: Tagging) -> list[Record]:
    """Return a record for each run of words with the same tag, where tags mark no chunks; scores are means."""
    return [_run(tag, list(words), answer.text) for tag, words in groupby(_words(answer), lambda word: word["entity"])]


def _run(tag: str, words: Sequence[Record], text: str) -> Record:
    start, end = words[0]["start"], words[-1]["end"]
    score = sum(word["score"] for word in words) / len(words)
    return {"entity_group": tag, "score": score, "word": text[start:end], "start": start, "end": end}
