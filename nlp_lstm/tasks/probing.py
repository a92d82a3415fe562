"""What an inspection must know of a task: how a text goes in, what is predicted of it, and how sure the model is.

A task that lets itself be inspected has a method `probe`; the kinds of probes it may return stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from nlp_lstm.batching.spelled import Spelled
from nlp_lstm.config import WritingOptions
from nlp_lstm.document import Alignment, Translation
from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.inspection import Decision
from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.deciding import find_rivals
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.layers import LayerMemory, unflatten_state
from nlp_lstm.nn.loss import sequence_loss
from nlp_lstm.nn.pooling import AttentionPooling
from nlp_lstm.nn.search import Hypothesis
from nlp_lstm.nn.tagger import Tagger
from nlp_lstm.nn.translator import Translator
from nlp_lstm.tasks.writing import Writer
from nlp_lstm.text.tokens import Tokens

FORBIDDEN = -1e4
"""Put in place of an emission so that no sequence has that tag there: e^−10⁴ is 0 in every float type."""
N_NEXT = 5
"""Next tokens that are shown."""


class Aim(NamedTuple):
    """What is to be explained.

    Attributes:
        of: the score in words.
        score: runs so many copies of the text through the network and returns the score of each, in nats, (rows,);
            differentiable by what the shared layers read.
    """

    of: str
    score: Callable[[int], Tensor]


class Probe:
    """One text on its way through a network.

    Args:
        encoder: the network's shared encoder.
        tokens: the text's tokens.
        ids: their numbers.
    """

    longest: ClassVar[int] = 2_000
    """Tokens whose gates and gradients are looked at together; a longer text is looked at in windows."""
    last_first: ClassVar[bool] = False
    """Whether of a longer text the last window is looked at, unless another is asked for."""

    def __init__(self, encoder: Encoder, tokens: Tokens, ids: Sequence[int]) -> None:
        self.encoder, self.tokens = encoder, tokens
        device = encoder.embedding.weight.device
        self.ids = torch.tensor([list(ids)], dtype=torch.int64, device=device)  # (1, time)
        self.mask = torch.ones_like(self.ids, dtype=torch.bool)

    def inputs(self) -> Tensor:
        """Return what the first layer reads, (1, time, width)."""
        return self.encoder.embed(self.ids, self.mask)

    def state(self) -> tuple[LayerMemory, ...] | None:
        """Return where the layers start; None for zeros."""
        return None

    def prediction(self) -> dict[str, Any]:
        """Return what the model says of the text, as plain values."""
        raise TypeError(f"{type(self).__name__} does not say what is predicted")

    def aim(self, target: str | None = None) -> Aim:
        """Return what is to be explained: what is predicted or, if the task has a choice, what `target` names.

        Raises:
            UsageError: there is no such target.
        """
        raise TypeError(f"{type(self).__name__} does not say what can be explained")

    def attention(self) -> tuple[float, ...]:
        """Return how much each token counts in the pooling; nothing where the pooling does not weigh."""
        return ()

    def alignments(self) -> tuple[Alignment, ...]:
        """Return what is attended to while something is written."""
        return ()

    def decisions(self) -> tuple[Decision, ...]:
        """Return why each word got its tag; nothing where words get none."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing, a sentence each."""
        return ()


@runtime_checkable
class Probes(Protocol):
    """A task whose models can be inspected."""

    def probe(self, model: nn.Module, given: Any) -> Probe:
        """Return a text, or what else `answer` takes, on its way through a network."""
        ...


class LabelProbe(Probe):
    """A text that gets a label; what is explained is a label's log-odds, log p − log (1 − p)."""

    def __init__(self, model: TextClassifier, tokens: Tokens, ids: Sequence[int], labels: Sequence[str]) -> None:
        super().__init__(model.encoder, tokens, ids)
        self.model, self.labels = model, tuple(labels)

    def prediction(self) -> dict[str, Any]:
        """Return the likeliest label and the probability of every label."""
        probs = self._logits(1)[0].double().softmax(-1).tolist()
        best = max(range(len(probs)), key=probs.__getitem__)
        return {
            "label": self.labels[best],
            "score": probs[best],
            "scores": dict(zip(self.labels, probs, strict=True)),
        }

    def aim(self, target: str | None = None) -> Aim:
        """Return the label to explain: the likeliest one, or the one of this name."""
        label = self.prediction()["label"] if target is None else target
        if label not in self.labels:
            raise UsageError(f"no label {label!r}{nearest(label, self.labels)}")
        number = self.labels.index(label)
        others = [place for place in range(len(self.labels)) if place != number]

        def score(rows: int) -> Tensor:
            logits = self._logits(rows)  # (rows, labels)
            return logits[:, number] - logits[:, others].logsumexp(-1)

        return Aim(f"log-odds of the label {label!r}", score)

    def attention(self) -> tuple[float, ...]:
        """Return the weights of attention pooling."""
        pooling = self.model.pooling
        if not isinstance(pooling, AttentionPooling):
            return ()
        with torch.no_grad():
            weights = pooling.weights(self.encoder(self.ids, self.mask).states, self.mask)  # (1, time)
        return tuple(weights[0].tolist())

    def notes(self) -> tuple[str, ...]:
        """Return that n-grams beside the network take part in the score, if they do."""
        if self.model.ngrams is None:
            return ()
        return ("a linear path over n-grams adds to the score; it is in the baseline too, and in no token's share",)

    def _logits(self, rows: int) -> Tensor:
        logits: Tensor = self.model(self.ids.expand(rows, -1), self.mask.expand(rows, -1))
        return logits


class PathProbe(Probe):
    """A sentence whose words get tags; what is explained is the probability of all tags, or of one word's.

    Args:
        model: the tagger.
        tokens: its words.
        batch: the sentence alone, without padding.
        tags: every tag, in the network's order.
        predict: gives the prediction as plain values.
    """

    def __init__(
        self,
        model: Tagger,
        tokens: Tokens,
        batch: Spelled,
        tags: Sequence[str],
        predict: Callable[[], dict[str, Any]],
    ) -> None:
        super().__init__(model.encoder, tokens, batch.ids[0].tolist())
        self.model, self.batch, self.tags, self._predict = model, batch, tuple(tags), predict

    def prediction(self) -> dict[str, Any]:
        """Return the tags, how sure the model is of them, and the entities."""
        return self._predict()

    def inputs(self) -> Tensor:
        """Return the embeddings with the spelling features beside them."""
        return self.encoder.embed(*self.batch[:2], self.model.spelling.placed(*self.batch[2:]))

    def aim(self, target: str | None = None) -> Aim:
        """Return what to explain: the best tags together, or the one of the word with this number, counted from 1."""
        with torch.no_grad():
            (path,) = self.model.paths.decode(self._emissions(1), self.mask)
        best = torch.from_numpy(path).to(self.mask.device)  # (time,)
        if target is None:
            return Aim("log-probability of all the tags", lambda rows: self._log_prob(self._emissions(rows), best))
        place = number_of(target, len(best), what="word")
        allowed = torch.ones(len(best), len(self.tags), dtype=torch.bool, device=best.device)
        allowed[place] = torch.arange(len(self.tags), device=best.device) == best[place]

        def score(rows: int) -> Tensor:
            # log p(y_t) = log Z with the tag fixed − log Z; the best sequence has the same score under both.
            emissions = self._emissions(rows)
            fixed = torch.where(allowed, emissions, FORBIDDEN)
            return self._log_prob(emissions, best) - self._log_prob(fixed, best)

        tag, word = self.tags[int(best[place])], self.tokens.texts[place]
        return Aim(f"log-probability of the tag {tag!r} of word {place + 1}, {word!r}", score)

    def decisions(self) -> tuple[Decision, ...]:
        """Return for each word the best sequence against the best one with another tag there."""
        with torch.no_grad():
            emissions = self._emissions(1)
            (path,) = self.model.paths.decode(emissions, self.mask)
            start, move, end = (part.double().cpu().numpy() for part in self.model.paths.scores())
            scores = emissions[0].double().cpu().numpy()  # (time, tags)
        rivals = find_rivals(scores, start, move, end, path)
        found = []
        for place, tag in enumerate(path.tolist()):
            came = float(move[path[place - 1], tag] if place else start[tag])
            rival = int(rivals.tags[place])
            decision = Decision(self.tags[tag], float(scores[place, tag]), came)
            if rival >= 0:
                words, moves = float(rivals.emissions[place]), float(rivals.moves[place])
                decision = replace(
                    decision,
                    rival=self.tags[rival],
                    rival_emission=float(scores[place, rival]),
                    margin=words + moves,
                    margin_emissions=words,
                    margin_moves=moves,
                )
            found.append(decision)
        return tuple(found)

    def _emissions(self, rows: int) -> Tensor:
        ids, mask, spellings, *spelling = self.batch
        emissions: Tensor = self.model(*(part.expand(rows, -1) for part in (ids, mask, spellings)), *spelling).tags
        return emissions

    def _log_prob(self, emissions: Tensor, path: Tensor) -> Tensor:
        rows = len(emissions)
        return self.model.paths.log_likelihood(emissions, path.expand(rows, -1), self.mask.expand(rows, -1))


class NextProbe(Probe):
    """A text that goes on; what is explained is the probability of the next token."""

    last_first = True

    def __init__(self, model: LanguageModel, writer: Writer, text: str) -> None:
        tokens = writer.cut(text)
        super().__init__(model.encoder, tokens, writer.vocabulary.ids(tokens.keys) if tokens.keys else [])
        self.model, self.writer, self.text = model, writer, text
        self._start = tuple(part.clone() for part in writer.begin().state)

    def state(self) -> tuple[LayerMemory, ...] | None:
        """Return the state behind the line end with which every text begins."""
        return unflatten_state(self._start, self.encoder.stack.cell)

    def prediction(self) -> dict[str, Any]:
        """Return the likeliest next tokens and their probabilities."""
        return {"next": [{"text": each.text, "probability": each.model_probability} for each in self._next()]}

    def aim(self, target: str | None = None) -> Aim:
        """Return the next token to explain: the likeliest one, or this one."""
        if target is None:
            best = self._next()[0]
            number, text = best.id, best.text
        else:
            ids = self.writer.vocabulary.ids(self.writer.cut(target).keys or [target])
            if len(ids) != 1 or ids[0] == self.writer.vocabulary.unknown_id:
                raise UsageError(f"expected one token that the model knows, found {target!r}")
            (number,), text = ids, target

        def score(rows: int) -> Tensor:
            start = tuple(part.expand(rows, *part.shape[1:]).contiguous() for part in self._start)
            features, _ = self.model.read(self.ids.expand(rows, -1), start)
            return self.model.log_probs(features[:, -1])[:, number]

        return Aim(f"log-probability of {text!r} as the next token", score)

    def _next(self) -> Any:
        moment = self.writer.read(self.writer.begin(), self.text)
        return self.writer.choices(moment, WritingOptions(temperature=1.0), n=N_NEXT)


class TranslationProbe(Probe):
    """A text that is translated; what is explained is the probability of its translation, or of one token of it.

    Args:
        model: the translator.
        tokens: the text's tokens.
        ids: their numbers.
        search: finds the best hypothesis, with what it attended to, and what it says; asked when it is needed.
        ends: the ids that begin and end a translation.
    """

    longest = 256

    def __init__(
        self,
        model: Translator,
        tokens: Tokens,
        ids: Sequence[int],
        search: Callable[[], tuple[Hypothesis, Translation]],
        ends: tuple[int, int],
    ) -> None:
        super().__init__(model.encoder, tokens, ids)
        self.model, self._search, self._ends = model, search, ends

    @cached_property
    def _found(self) -> tuple[Hypothesis, Translation]:
        return self._search()

    @property
    def translation(self) -> Translation:
        """What was found, with what it attended to."""
        return self._found[1]

    @cached_property
    def wanted(self) -> Tensor:
        """The tokens of the translation, with its end if it has one, int64 (target_time,)."""
        found, end = self._found[0], self._ends[1:]
        written = [*found.ids.tolist(), *(end if found.finished else ())]
        return torch.tensor(written, dtype=torch.int64, device=self.ids.device)

    def prediction(self) -> dict[str, Any]:
        """Return the translation and its score."""
        return self.translation.without_attention().to_dict()

    def aim(self, target: str | None = None) -> Aim:
        """Return what to explain: the whole translation, or its token with this number, counted from 1."""
        wanted = self.wanted  # looked for now: later the network may be made to read something else
        if target is None:
            return Aim("log-probability of the translation", lambda rows: self._log_prob(rows, wanted, slice(None)))
        texts = [text for each in self.translation.attention for text in each.target_tokens]
        place = number_of(target, len(texts), what="token of the translation")
        of = f"log-probability of {texts[place]!r}, token {place + 1} of the translation"
        return Aim(of, lambda rows: self._log_prob(rows, wanted, slice(place, place + 1)))

    def alignments(self) -> tuple[Alignment, ...]:
        """Return what each token of the translation attended to."""
        return self.translation.attention

    def _log_prob(self, rows: int, wanted: Tensor, part: slice) -> Tensor:
        """Return the log-probability of some tokens of the translation, (rows,)."""
        given = torch.cat([wanted.new_tensor(self._ends[:1]), wanted[:-1]]).unsqueeze(0)  # (1, target_time)
        source, mask, given = (each.expand(rows, -1) for each in (self.ids, self.mask, given))
        features = self.model(source, mask, given)  # (rows, target_time, hidden)
        logits = (self.model.decoder.logits(row[part]) for row in features.unbind())
        return torch.stack([-sequence_loss(each, wanted[part]).total for each in logits])


def number_of(target: str, count: int, *, what: str) -> int:
    """Return the place that a number counted from 1 names.

    Raises:
        UsageError: it is no number from 1 to `count`.
    """
    if not target.isdecimal() or not 1 <= int(target) <= count:
        raise UsageError(f"expected the number of a {what}, 1 to {count}, found {target!r}")
    return int(target) - 1
