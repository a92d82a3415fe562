"""Settings of a run: what a recipe may say, read once and checked whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from nlp_lstm.errors import UsageError, listed, nearest
from nlp_lstm.expected import expected, found

BUDGETS = ("minutes", "epochs", "steps")
"""The units a training budget can be given in; a run has one."""

SPLITS = ("train", "dev", "test")
"""What examples are for; the settings of data that name files are called so."""

IN_MEMORY = "(in memory)"
"""What stands in place of a file's name where a run was given the examples themselves."""

CONFLICT = "conflict"
"""The type of pydantic's errors about a value that does not go with another: the message says what it needs."""

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
Gaps: TypeAlias = Literal["refuse", "last", "line"]
"""What is done about missing numbers."""

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
    """A path, relative to the recipe's folder, `hf:NAME[:SPLIT]`, or `made:…` for a task that makes its data; `$NAME`
    stands for an environment variable. Of a table of numbers, `F.csv[A:B]` are the rows from A up to B."""
    dev: str | None = None
    test: str | None = None
    format: str | None = None
    """One of the formats of `nlp-lstm data check --help`; None tells by the file's ending."""
    text_column: str = "text"
    label_column: str = "label"
    columns: Names = ()
    """For a tagger: what each column of a word's line is, in file order: `word`, `tag`, `auxiliary` or `_`. For a
    forecaster: the columns to forecast; empty for all that hold numbers."""
    time_column: str | None = None
    """For a forecaster: the column that says when a row was taken; None finds it by its name."""
    gaps: Gaps = "refuse"
    """For a forecaster: what is done about missing numbers. `last` fills in the last one before, `line` goes straight
    to the next one, which looks ahead."""
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
    vector_words: Annotated[int, Field(ge=0)] = 50_000
    """So many of the first words of that file are known to a classifier or tagger though no training text has them,
    as far as `max_size` allows."""


UNUSED: Mapping[str, Mapping[str, str]] = {
    "minlstm": {"weight_drop": "which has no hidden-to-hidden weights"},
    "transformer": {
        "weight_drop": "which has no hidden-to-hidden weights",
        "layer_norm": "which has norms of its own",
    },
}
"""The settings of the encoder that a cell has no use for, and why."""


class EncoderSettings(Settings):
    """The shared encoder; `nlp_lstm.nn.encoder.Encoder` says what each one means."""

    cell: Literal["lstm", "gru", "rnn", "peephole_lstm", "layernorm_lstm", "minlstm", "transformer"] = "lstm"
    """What each layer is; `nlp_lstm.nn.cells` has the formulas."""
    embed_size: Positive = 128
    hidden_size: Positive = 128
    n_layers: Positive = 1
    bidirectional: bool = True
    dropout: Probability = 0.3
    embedding_dropout: Probability = 0.1
    word_dropout: Probability = 0.0
    weight_drop: Probability = 0.0
    layer_norm: bool = False

    @field_validator("weight_drop", "layer_norm")
    @classmethod
    def _is_of_use(cls, value: float, info: ValidationInfo) -> float:
        """Refuse a setting that would change nothing."""
        cell = info.data.get("cell", "")
        why = UNUSED.get(cell, {}).get(info.field_name or "")
        if value and why:
            parts = {"off": str(type(value)()).lower(), "cell": cell, "why": why}
            raise PydanticCustomError("unused", "{off} with cell '{cell}', {why}", parts)
        return value


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
    """Of a longer text each epoch reads another random window of so many tokens, of a longer side of a sentence pair
    the first so many; prediction always reads all."""
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
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Each layer learns at the rate of the one above it times this: the head at the full rate, the embedding slowest; 1
    for one rate."""
    unfreeze: Probability = 0.0
    """Part of the budget over which the layers of the encoder begin to learn, one after the other from the top; 0 lets
    all learn from the start. It is for an encoder that was trained before (`init_from`)."""

    def budget(self) -> tuple[str, float]:
        """Return the unit and the amount of the budget; ten epochs when none is given."""
        for unit in ("minutes", "steps", "epochs"):
            amount = getattr(self, unit)
            if amount is not None:
                return unit, float(amount)
        return "epochs", 10.0


Beam = Annotated[int, Field(ge=1, le=1000)]
NBest = Annotated[int, Field(ge=0, le=1000)]
Exponent = Annotated[float, Field(ge=0, le=100)]
Consistency = Annotated[float, Field(ge=0, le=100)]


class TaggingOptions(Settings):
    """What else a tagger says."""

    n_best: NBest = 0
    """How many of the likeliest tag sequences to give besides."""


class TranslatingOptions(Settings):
    """How a translator looks for a translation; `nlp_lstm.nn.search.SearchOptions` says what each one means."""

    beam: Beam | None = None
    """Hypotheses followed side by side; None takes the recipe's number."""
    n_best: NBest = 0
    """How many of the best translations to give besides; without `beam` as many hypotheses are followed at least."""
    length_penalty: Exponent | None = None
    """None takes the recipe's."""
    coverage_penalty: Exponent = 0.0
    block_ngrams: Annotated[int, Field(ge=0)] = 0
    attention: bool = False
    """Whether to say what each token of a translation attended to."""

    @field_validator("n_best")
    @classmethod
    def _is_followed(cls, value: int, info: ValidationInfo) -> int:
        """Refuse more translations than the hypotheses that are asked for can be."""
        if value > (info.data.get("beam") or value):
            raise PydanticCustomError(CONFLICT, "needs beam {n_best} or more", {"n_best": value})
        return value


Nats = Annotated[float, Field(ge=-1e6, le=1e6)]


LONG_PROMPT = 20_000
"""Characters of a prompt that a person is told of that it is being read: a small generator takes a second for them."""


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
    beam: Beam = 1
    """Above 1 nothing is drawn: a search follows so many continuations side by side and writes the likeliest."""
    penalty_window: Annotated[int, Field(ge=0)] = 0
    """Of how many of the last tokens the three penalties take notice; 0 for all."""
    no_repeat_ngram: Annotated[int, Field(ge=0)] = 0
    logit_bias: Mapping[str, Nats] = Field(default_factory=dict)
    """Nats added to the score of each token that comes in a text; those of several texts add up."""
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

    @property
    def data_sections(self) -> dict[str, DataSettings]:
        """The sections that say where data are, by dotted name: `data` or, of a head with parts, those of each."""
        parts = self.head.get("parts")
        tables = parts.items() if isinstance(parts, dict) else ()
        found = {name: part["data"] for name, part in tables if isinstance(part, dict) and "data" in part}
        return {f"head.parts.{name}.data": DataSettings(**data) for name, data in found.items()} or {"data": self.data}


S = TypeVar("S", bound=Settings)
Path: TypeAlias = tuple[str | int, ...]
"""Where a setting stands: names, and places in lists from 0."""


def problems_of(kind: type[Settings], values: Mapping[str, Any], *, section: str = "") -> list[str]:
    """Return a line for each thing wrong with `values` as settings of `kind`; none when they are right.

    Members of a list are counted from 1.
    """
    return [_line(kind, path, those, section) for path, those in _errors(kind, values).items()]


def wrong_names(kind: type[Settings], values: Mapping[str, Any]) -> set[str]:
    """Return the names of the settings that `problems_of` finds wrong or missing."""
    return {str(path[0]) for path in _errors(kind, values) if path}


def check_training(training: Any) -> list[str]:
    """Return a line for each thing in a recipe's `training` section that does not go together."""
    if not isinstance(training, dict):
        return []
    given = [unit for unit in BUDGETS if unit in training]
    problems = [f"training: give one of {', '.join(given)}, not {len(given)}"] if len(given) > 1 else []
    if training.get("unfreeze") and training.get("init_from") is None:
        problems.append("training.unfreeze: nothing was trained before: it goes with training.init_from")
    return problems


def _errors(kind: type[Settings], values: Mapping[str, Any]) -> dict[Path, list[ErrorDetails]]:
    """Return what is wrong with `values` as settings of `kind`, by where in them it is."""
    wrong: dict[Path, list[ErrorDetails]] = {}
    try:
        kind.model_validate(dict(values))
    except ValidationError as error:
        for each in error.errors():
            wrong.setdefault(_path(each, values), []).append(each)
    return wrong


def _path(error: ErrorDetails, values: Any) -> Path:
    """Return where in `values` something is wrong: pydantic's own path also names the kinds that a value may be."""
    if error["type"] == "missing":
        return error["loc"]
    path: Path = ()
    for part in error["loc"]:
        members = range(len(values)) if isinstance(values, list | tuple) else values
        if isinstance(members, Mapping | range) and part in members:
            path, values = (*path, part), values[part]
    return path


def _line(kind: type[Settings], path: Path, errors: Sequence[ErrorDetails], section: str) -> str:
    parts = [str(part + 1) if isinstance(part, int) else part for part in path]
    name = ".".join([section, *parts] if section else parts)
    first = errors[0]
    if first["type"] == CONFLICT:
        return f"{name} {first['input']} {first['msg']}"
    if first["type"] == "extra_forbidden":
        return f"{name}: unknown setting{nearest(parts[-1], _keys(kind, parts[:-1]))}"
    if first["type"] == "missing":
        return f"{name}: missing"
    return f"{name}: expected {expected(errors)}, found {found(first['input'])}"


def _keys(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    inside: Any = kind
    for part in path:
        if get_origin(inside) is dict:  # a table of tables, whose keys are names
            inside = get_args(inside)[1]
            continue
        field = inside.model_fields.get(part)
        inside = None if field is None else field.annotation
        if get_origin(inside) is not dict and not _is_settings(inside):
            return []
    return list(inside.model_fields) if _is_settings(inside) else []


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def parse_settings(kind: type[S], values: Mapping[str, Any], *, title: str, section: str = "") -> S:
    """Return `values` as settings of `kind`.

    Raises:
        UsageError: with every problem at once, each with its dotted name and the nearest valid one.
    """
    problems = problems_of(kind, values, section=section)
    if problems:
        raise UsageError(listed(title, problems))
    return kind.model_validate(dict(values))
