"""Writing with a language model: how a text goes on, token after token."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from nlp_lstm.config import WritingOptions
from nlp_lstm.counting import counted
from nlp_lstm.errors import UsageError
from nlp_lstm.nn.heeding import Rules
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.sampling import Transform, choose, probabilities
from nlp_lstm.nn.stepping import CompiledSteps, Draw
from nlp_lstm.nn.stepwise import finish, steps
from nlp_lstm.tasks.likeliest import likeliest
from nlp_lstm.tasks.moments import Kept, Moment, load_moment, save_moment
from nlp_lstm.tasks.writing_options import changes_scores, check_seed
from nlp_lstm.text.joining import Joined, gap, join, keeps_line_ends
from nlp_lstm.text.stopping import StopStrings
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.tokens import Tokens
from nlp_lstm.text.vocabulary import Vocabulary

LONGEST_RUN = 64
"""Tokens that are drawn in compiled loops before any of them is shown."""

LONGEST_READ = 512
"""Tokens of a prompt that go through the network together, before its reading can be left."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A token that may come next.

    Attributes:
        id: its number.
        text: how it reads.
        probability: with which it is drawn.
        model_probability: with which the model expects it.
    """

    id: int
    text: str
    probability: float
    model_probability: float


@dataclass(frozen=True, slots=True)
class Step:
    """Some more of a text.

    Attributes:
        piece: what can be shown; maybe nothing yet.
        moment: where the text stands now; its text is what was shown.
        n_tokens: how many tokens were written.
    """

    piece: str
    moment: Moment
    n_tokens: int


class Writer:
    """Continues texts, token after token.

    Every text begins as if a line had just ended. The same moment, options and seed give the same text.

    Args:
        model: the language model.
        tokenizer: cuts texts as in training.
        vocabulary: numbers their tokens.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
        self.model, self.tokenizer, self.vocabulary = model.eval(), tokenizer, vocabulary
        self._line_end = None if keeps_line_ends(tokenizer) else "\n"
        self._device = next(model.parameters()).device
        self._special_ids = tuple(range(len(vocabulary.specials)))

    @property
    def unit(self) -> str:
        """What it writes one after the other."""
        return {"characters": "characters", "bytes": "bytes", "subwords": "subwords"}.get(self.tokenizer.kind, "words")

    def begin(self) -> Moment:
        """Return the moment before any text."""
        none = torch.zeros(0, dtype=torch.int64)
        start = self._advance(Moment("", none, (), torch.zeros(0)), self._ids("\n") or [self.vocabulary.unknown_id])
        return replace(start, ids=none)

    def read(self, moment: Moment, text: str) -> Moment:
        """Return the moment after reading `text`; what the vocabulary lacks of it is read as unknown.

        What was hidden of the moment comes before it, and between words a blank.
        """
        return finish(self.reading(moment, text))

    def reading(self, moment: Moment, text: str) -> Generator[None, None, Moment]:
        """Do what `read` does, and yield after each part of the text."""
        moment, ids = moment.revealed(), self._ids(text)
        whole = moment.text + gap(self.tokenizer, moment.text, text) + text
        if not ids:
            return replace(moment, text=whole)
        after = yield from self._advancing(moment, ids)
        return replace(after, text=whole, rest=b"")

    def cut(self, text: str) -> Tokens:
        """Return the tokens of a text as they are read; of words, a line feed is one too."""
        if self._line_end is None:
            return self.tokenizer(text)
        texts: list[str] = []
        starts: list[int] = []
        keys: list[str] = []
        place = 0
        for line in text.split("\n"):
            if place:
                texts.append("\n")
                starts.append(place - 1)
                keys.append(self._line_end)
            tokens = self.tokenizer(line)
            texts.extend(tokens.texts)
            starts.extend(place + start for start in tokens.starts)
            keys.extend(tokens.keys)
            place += len(line) + 1
        return Tokens(tuple(texts), tuple(starts), tuple(keys))

    def check(self, options: WritingOptions) -> None:
        """See that texts can be written under some options.

        Raises:
            UsageError: the model has no token for a text of `logit_bias`, or a beam is to go together with penalties
                or biases.
        """
        if options.beam > 1 and changes_scores(options):
            raise UsageError("beam: a search for the likeliest text takes no penalties and no biases")
        self._biases(options.logit_bias)

    def note_on(self, prompt: str) -> str:
        """Return what a person should be told of a prompt: how much of it the model does not know; "" for nothing."""
        n = self._ids(prompt).count(self.vocabulary.unknown_id)
        if not n:
            return ""
        return f"{counted(n, self.unit)} of the prompt {'is' if n == 1 else 'are'} unknown to the model"

    def write(
        self, moment: Moment, options: WritingOptions, *, seed: int, longest_run: int = LONGEST_RUN
    ) -> Iterator[Step]:
        """Return the text that comes after `moment`, piece by piece.

        Pieces grow from one token to `longest_run` of them, which does not change the text. A search with a beam yields
        steps that write nothing until it has found the text. The text ends after `max_new_tokens`, before a stop
        string, which the network has read then, or where the options leave no token to write; the caller may end it
        at any time. What was hidden of `moment` is the first piece. The beginning of a character whose other bytes
        never come is not shown; the last moment holds it.

        Raises:
            UsageError: as `check`, or the seed is below 0.
        """
        check_seed(seed)
        self.check(options)
        start = moment.revealed()
        runs = self._runs(start, options, self._draw(options), np.random.default_rng(seed), longest_run)
        return self._write(start, runs, StopStrings(options.stop), moment.hidden)

    def continue_text(self, prompt: str, options: WritingOptions, *, seed: int) -> Iterator[str]:
        """Return the text that comes after `prompt`, piece by piece; none of the pieces is empty.

        Raises:
            UsageError: as `write`.
        """
        check_seed(seed)
        self.check(options)  # before a long prompt is read
        steps = self.write(self.read(self.begin(), prompt), options, seed=seed)
        return (step.piece for step in steps if step.piece)

    def choices(self, moment: Moment, options: WritingOptions, *, n: int) -> list[Choice]:
        """Return the `n` tokens that are likeliest to be drawn next, the likeliest first; with a beam, to the model.

        Raises:
            UsageError: as `write`.
        """
        drawn = self._probabilities(moment, self._draw(options).transforms())[0]
        expected = moment.log_probs.double().exp()
        ids = np.arange(len(self._special_ids), len(drawn))
        order = np.lexsort((ids, -expected.numpy()[ids], -drawn.numpy()[ids]))[:n]
        return [
            Choice(token, self._reads(token), float(drawn[token]), float(expected[token]))
            for token in ids[order].tolist()
        ]

    def take(self, moment: Moment, id: int) -> Step:
        """Write just this token.

        Raises:
            ValueError: there is no such token.
        """
        if not len(self._special_ids) <= id < len(self.vocabulary):
            raise ValueError(f"expected the id of a token, got {id}")
        after = self._take(moment.revealed(), id)
        return Step(after.text[len(moment.text) :], after, 1)

    def save_moment(self, moment: Moment, path: Path) -> None:
        """Write a moment to a file, from which `load_moment` gets it back."""
        save_moment(path, moment, model=self._fingerprint())

    def load_moment(self, path: Path) -> Kept:
        """Return what a file holds: of another model's moment, the text.

        Raises:
            ModelError: it is missing or damaged.
        """
        return load_moment(path, model=self._fingerprint(), device=self._device)

    def _write(self, moment: Moment, runs: Iterator[_Run], until: StopStrings, hidden: str) -> Iterator[Step]:
        if hidden:
            yield Step(hidden, moment, 0)
        for run in runs:
            if not run.ids:
                yield Step("", moment, 0)
                continue
            step = self._put_together(moment, run, until)
            moment = step.moment  # hidden text too, for what is joined to it
            yield replace(step, moment=moment.hiding(until.n_hidden))
            if until.stopped:
                return
        yield Step(until.flush(), moment, 0)

    def _runs(
        self,
        moment: Moment,
        options: WritingOptions,
        draw: Draw,
        random: np.random.Generator,
        longest: int,
    ) -> Iterator[_Run]:
        """Yield the tokens that come next: one at a time, or in compiled loops ever more of them."""
        left = options.max_new_tokens
        if options.beam > 1:
            yield from self._searched(moment, options, longest)
            return
        if not CompiledSteps.suits(self.model):
            rules = draw.transforms()
            for _ in range(left):
                drawn = self._probabilities(moment, rules)
                if not drawn.any():
                    return
                chosen = int(choose(drawn, _uniforms(random, 1))[0])
                moment = self._advance(moment, [chosen])
                yield _Run([chosen], moment)
            return
        size = 1
        while left > 0:
            size = min(size, left)
            history = moment.ids.numpy()
            ids, log_probs, state = self._steps.run(
                moment.log_probs, moment.state, random.random(size), draw, history=history
            )
            if not ids:
                return
            new = torch.cat([moment.ids, torch.tensor(ids, dtype=torch.int64)])
            moment = replace(moment, ids=new, state=state, log_probs=log_probs)
            yield _Run(ids, moment)
            if len(ids) < size:
                return
            left, size = left - size, min(2 * size, longest)

    def _searched(self, moment: Moment, options: WritingOptions, longest: int) -> Iterator[_Run]:
        """Yield the tokens of the likeliest text when the last of them is found, and empty runs until then."""
        if not options.max_new_tokens:
            return
        search = likeliest(
            self.model,
            moment.log_probs,
            moment.state,
            n_tokens=options.max_new_tokens,
            beam=options.beam,
            forbidden=self._special_ids,
            block_ngrams=options.no_repeat_ngram,
            before=moment.ids,
        )
        for found in steps(search):
            if found is None:
                yield _Run([], moment)
                continue
            for start in range(0, len(found), longest):
                ids = found[start : start + longest]
                moment = self._advance(moment, ids)
                yield _Run(ids, moment)

    @cached_property
    def _steps(self) -> CompiledSteps:
        return CompiledSteps(self.model)

    def _put_together(self, before: Moment, run: _Run, until: StopStrings) -> Step:
        """Return the text of a run up to a stop string, and the moment at its end or where it stopped."""
        if not until.stops:
            joined = self._join(before, run.ids)
            return Step(joined.text, replace(run.after, text=before.text + joined.text, rest=joined.rest), len(run.ids))
        shown, text, rest = "", before.text, before.rest
        for place, token in enumerate(run.ids, start=1):
            joined = join(self.tokenizer, [self.vocabulary.token(token)], before=text, rest=rest)
            text, rest = text + joined.text, joined.rest
            shown += until.feed(joined.text)
            if until.stopped and place < len(run.ids):
                return Step(shown, replace(self._advance(before, run.ids[:place]), text=text, rest=rest), place)
        return Step(shown, replace(run.after, text=text, rest=rest), len(run.ids))

    def _ids(self, text: str) -> list[int]:
        """Return the tokens of a text; of words, a line feed is one too."""
        if self._line_end is None:
            (keys,) = self.tokenizer.keys([text])
        else:
            lines = list(self.tokenizer.keys(text.split("\n")))
            keys = [key for line in lines for key in [*line, self._line_end]][:-1]
        return self.vocabulary.ids(keys) if keys else []

    def _advance(self, moment: Moment, ids: Sequence[int]) -> Moment:
        """Return the moment after some more tokens, with the text it had."""
        return finish(self._advancing(moment, ids))

    @torch.inference_mode()
    def _advancing(self, moment: Moment, ids: Sequence[int]) -> Generator[None, None, Moment]:
        """Do what `_advance` does, and yield after each part."""
        new, state = torch.tensor(ids, dtype=torch.int64), moment.state
        for part in new.unsqueeze(0).to(self._device).split(LONGEST_READ, 1):
            features, state = self.model.read(part, state)
            yield
        log_probs = self.model.log_probs(features[:, -1])[0].cpu()
        return replace(moment, ids=torch.cat([moment.ids, new]), state=state, log_probs=log_probs)

    def _take(self, moment: Moment, token: int) -> Moment:
        joined = self._join(moment, [token])
        return replace(self._advance(moment, [token]), text=moment.text + joined.text, rest=joined.rest)

    def _join(self, moment: Moment, ids: Sequence[int]) -> Joined:
        return join(self.tokenizer, list(map(self.vocabulary.token, ids)), before=moment.text, rest=moment.rest)

    def _reads(self, token: int) -> str:
        text, rest = join(self.tokenizer, [self.vocabulary.token(token)])
        return text + rest.decode(errors="backslashreplace")

    def _draw(self, options: WritingOptions) -> Draw:
        """Return how a token is drawn; a search with a beam leaves the model's own scores as they are."""
        n_excluded = len(self._special_ids)
        if options.beam > 1:
            return Draw(n_excluded=n_excluded, rules=Rules(ngram=options.no_repeat_ngram))
        rules = Rules(
            repetition=options.repetition_penalty,
            frequency=options.frequency_penalty,
            presence=options.presence_penalty,
            window=options.penalty_window,
            ngram=options.no_repeat_ngram,
            biases=self._biases(options.logit_bias),
        )
        return Draw(options.temperature, options.top_k, options.top_p, options.min_p, n_excluded, rules)

    def _biases(self, by_text: Mapping[str, float]) -> dict[int, float]:
        """Return what is added to the score of each token.

        Raises:
            UsageError: the model has no token for one of the texts.
        """
        biases: dict[int, float] = {}
        for text, bias in by_text.items():
            ids = self._ids(text)
            if not ids or self.vocabulary.unknown_id in ids:
                raise UsageError(f"no bias for {text!r}: the model has no token for it")
            for token in dict.fromkeys(ids):
                biases[token] = biases.get(token, 0.0) + bias
        return biases

    def _probabilities(self, moment: Moment, rules: Sequence[Transform]) -> Tensor:
        """Return what the next token is drawn from, float64 (1, vocab); all 0 where the rules leave none."""
        return probabilities(moment.log_probs.unsqueeze(0), moment.ids.unsqueeze(0), rules)

    def _fingerprint(self) -> str:
        """Return what tells this model from others."""
        digest = blake2b(json.dumps(self.vocabulary.to_dict()).encode(), digest_size=16)
        for weight in self.model.parameters():
            digest.update(weight.detach().cpu().numpy().data)
        return digest.hexdigest()


@runtime_checkable
class Writes(Protocol):
    """A task whose models write."""

    def writer(self, model: nn.Module) -> Writer:
        """Return what writes with a model."""
        ...


class _Run(NamedTuple):
    """Tokens that were drawn, and the moment behind them, with the text of the one before."""

    ids: list[int]
    after: Moment


def _uniforms(random: np.random.Generator, size: int) -> Tensor:
    return torch.from_numpy(random.random(size))
