"""Settings of a run: what a recipe may say, read once and checked whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from nlp_lstm.errors import UsageError, listed, nearest

BUDGETS = ("minutes", "epochs", "steps")
"""The units a training budget can be given in; a run has one."""

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NotEmpty = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[str, ...], PlainSerializer(list)]  # dumped as what JSON gives back


class Settings(BaseModel):
    """A frozen group of settings in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSettings(Settings):
    """Where the texts are and how to read them."""

    train: str | None = None
    """A path, relative to the recipe's folder, or `hf:NAME[:SPLIT]`; `$NAME` stands for an environment variable."""
    dev: str | None = None
    test: str | None = None
    format: str | None = None
    """One of the formats of `nlp-lstm data check --help`; None tells by the file's ending."""
    text_column: str = "text"
    label_column: str = "label"
    columns: Names = ()
    """For a tagger: what each column of a word's line is, in file order: `word`, `tag`, `auxiliary` or `_`."""
    source_lang: str | None = None
    """For a translator: the ending of the file to translate from (`en`: PREFIX.en), or its key under `translation`."""
    target_lang: str | None = None
    """For a translator: the ending of the file to translate into, or its key under `translation`."""
    source_column: str = "source"
    """For a translator: the column or key of the sentences to translate."""
    target_column: str = "target"
    """For a translator: the column or key of their translations."""
    dev_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    """How much of the training data is held out for development when there is no dev file."""
    online: bool = False
    """Whether `hf:` may ask the Hub."""


class TokenizerSettings(Settings):
    """How a text becomes tokens."""

    kind: Literal["spacy", "regex", "blanks", "characters", "bytes", "subwords"] = "spacy"
    language: str = "en"
    """A language code of spaCy; used by the `spacy` kind."""
    lowercase: bool = True
    strip_markup: bool = False
    """Read HTML tags as blanks."""
    vocab_size: Positive = 8000
    """Pieces to learn; used by the `subwords` kind."""
    joint: bool = True
    """For a translator: one tokenizer, learned from both languages, cuts both."""


class VocabularySettings(Settings):
    """Which tokens get an embedding of their own."""

    min_count: Positive = 2
    """A rarer token is read as the unknown word, which is how the network learns to deal with unknown ones."""
    max_size: Positive | None = None
    """The commonest so many tokens; None keeps all."""
    vectors: str | None = None
    """A file of pretrained vectors in GloVe's text format; its width must be `encoder.embed_size`."""


class EncoderSettings(Settings):
    """The shared encoder; `nlp_lstm.nn.encoder.Encoder` says what each one means."""

    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    embed_size: Positive = 128
    hidden_size: Positive = 128
    n_layers: Positive = 1
    bidirectional: bool = True
    dropout: Probability = 0.3
    embedding_dropout: Probability = 0.1
    word_dropout: Probability = 0.0
    weight_drop: Probability = 0.0
    layer_norm: bool = False


class TrainingSettings(Settings):
    """How the weights are fitted. The budget is one of `epochs`, `steps` or `minutes`."""

    epochs: Annotated[float, Field(gt=0)] | None = None
    steps: Positive | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    batch_size: Positive = 32
    """Texts in a batch."""
    accumulate: Positive = 1
    """Batches to one step of the optimizer."""
    max_tokens: Positive = 512
    """Of a longer text each epoch reads another random window of so many tokens; prediction always reads all."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    beta1: Probability = 0.9
    beta2: Probability = 0.99
    warmup: Fraction = 0.05
    """Part of the budget over which the learning rate rises."""
    decay: Literal["cosine", "linear", "none"] = "cosine"
    """How the learning rate falls from there to zero at the end of the budget."""
    clip_norm: Annotated[float, Field(ge=0)] = 1.0
    """Longest gradient, over all weights together; 0 sets no limit."""
    clip_value: Annotated[float, Field(ge=0)] = 0.0
    """Largest single gradient entry; 0 sets no limit."""
    ema: Fraction = 0.999
    """Decay of the moving average of the weights, a step; 0 uses the weights as they are."""
    evaluations: Positive = 10
    """How often the dev score is taken, at equal distances."""
    patience: Positive | None = None
    """Stop after so many evaluations without a better dev score."""
    goal: float | None = None
    """Stop as soon as the dev score is that good."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto` trains in bfloat16 where the processor has instructions for it."""
    threads: Positive | None = None
    """CPU threads; None takes all cores."""
    init_from: str | None = None
    """A model folder, of any task, whose encoder the new network begins with."""

    def budget(self) -> tuple[str, float]:
        """Return the unit and the amount of the budget; ten epochs when none is given."""
        for unit in ("minutes", "steps", "epochs"):
            amount = getattr(self, unit)
            if amount is not None:
                return unit, float(amount)
        return "epochs", 10.0


Nats = Annotated[float, Field(ge=-1e6, le=1e6)]


class WritingOptions(Settings):
    """How a generator writes; `nlp_lstm.nn.sampling.transforms` says what each one does to the scores."""

    max_new_tokens: Annotated[int, Field(ge=0)] = 200
    """Tokens to write at most: characters, pieces or words, as the model was trained on."""
    temperature: Annotated[float, Field(ge=0)] = 0.8
    top_k: Annotated[int, Field(ge=0)] = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    min_p: Fraction = 0.0
    repetition_penalty: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    frequency_penalty: Nats = 0.0
    presence_penalty: Nats = 0.0
    penalty_window: Annotated[int, Field(ge=0)] = 0
    """Of how many of the last tokens the three penalties take notice; 0 for all."""
    no_repeat_ngram: Annotated[int, Field(ge=0)] = 0
    logit_bias: Mapping[str, Nats] = Field(default_factory=dict)
    """Nats added to the score of each token of a text, as often as it comes in it."""
    stop: Annotated[tuple[NotEmpty, ...], PlainSerializer(list)] = ()
    """Texts at which to stop; they are not shown."""


class Recipe(Settings):
    """A whole runnable recipe."""

    task: str
    description: str = ""
    data: DataSettings = DataSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    vocabulary: VocabularySettings = VocabularySettings()
    encoder: EncoderSettings = EncoderSettings()
    head: dict[str, Any] = Field(default_factory=dict)
    """The task's own settings, checked by the task."""
    training: TrainingSettings = TrainingSettings()


S = TypeVar("S", bound=Settings)


def problems_of(kind: type[Settings], values: Mapping[str, Any], *, section: str = "") -> list[str]:
    """Return a line for each thing wrong with `values` as settings of `kind`; none when they are right."""
    try:
        kind.model_validate(dict(values))
    except ValidationError as error:
        return [_line(kind, dict(found), section) for found in error.errors()]
    return []


def check_budget(training: Any) -> list[str]:
    """Return a line if a recipe's `training` section names more than one budget."""
    given = [unit for unit in BUDGETS if isinstance(training, dict) and unit in training]
    return [f"training: give one of {', '.join(given)}, not {len(given)}"] if len(given) > 1 else []


def _line(kind: type[Settings], found: Mapping[str, Any], section: str) -> str:
    path = [str(part) for part in found["loc"]]
    name = ".".join([section, *path] if section else path)
    if found["type"] == "extra_forbidden":
        return f"{name}: unknown setting{nearest(path[-1], _keys(kind, path[:-1]))}"
    if found["type"] == "missing":
        return f"{name}: missing"
    message = re.sub(r"^Input should be ", "expected ", found["msg"])
    return f"{name}: {message}, found {found['input']!r}"


def _keys(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        field = kind.model_fields.get(part)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        kind = field.annotation
    return list(kind.model_fields)


def parse_settings(kind: type[S], values: Mapping[str, Any], *, title: str, section: str = "") -> S:
    """Return `values` as settings of `kind`.

    Raises:
        UsageError: with every problem at once, each with its dotted name and the nearest valid one.
    """
    problems = problems_of(kind, values, section=section)
    if problems:
        raise UsageError(listed(title, problems))
    return kind.model_validate(dict(values))
