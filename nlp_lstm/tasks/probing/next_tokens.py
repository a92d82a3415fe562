"""A text that goes on, on its way through a language model."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nlp_lstm.config import WritingOptions
from nlp_lstm.errors import UsageError
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.layers import LayerMemory, unflatten_state
from nlp_lstm.tasks.probing.probe import Aim
from nlp_lstm.tasks.probing.texts import ReadText, TextProbe
from nlp_lstm.tasks.writing import Writer

N_NEXT = 5
"""Next tokens that are shown."""


class NextProbe(TextProbe):
    """A text that goes on; what is explained is the probability of the next token.

    Args:
        model: the language model.
        writer: continues texts with it.
        text: the text.
        target: a token; None takes the likeliest.
    """

    last_first = True

    def __init__(self, model: LanguageModel, writer: Writer, text: str, *, target: str | None = None) -> None:
        tokens = writer.cut(text)
        ids = writer.vocabulary.ids(tokens.keys) if tokens.keys else []
        super().__init__(ReadText.of_ids(text, tokens, model.encoder, ids), target=target)
        self.model, self.writer = model, writer
        self._start = tuple(part.clone() for part in writer.begin().state)

    def state(self) -> tuple[LayerMemory, ...] | None:
        """Return the state behind the line end with which every text begins."""
        return unflatten_state(self._start, self.stack.cell)

    def prediction(self) -> dict[str, Any]:
        """Return the likeliest next tokens and their probabilities."""
        return {"next": [{"text": each.text, "probability": each.model_probability} for each in self._next()]}

    def aim(self) -> Aim:
        """Return the next token to explain."""
        number, text = self._wanted()

        def score(rows: int) -> Tensor:
            start = tuple(part.expand(rows, *part.shape[1:]).contiguous() for part in self._start)
            features, _ = self.model.read(self.read.copies(rows)[0], start)
            return self.model.log_probs(features[:, -1])[:, number]

        return Aim(f"log-probability of {text!r} as the next token", score)

    def _wanted(self) -> tuple[int, str]:
        """Return the number of the token to explain, and the token."""
        if self.target is None:
            best = self._next()[0]
            return best.id, best.text
        ids = self.writer.vocabulary.ids(self.writer.cut(self.target).keys or [self.target])
        if len(ids) != 1 or ids[0] == self.writer.vocabulary.unknown_id:
            raise UsageError(f"expected one token that the model knows, found {self.target!r}")
        return ids[0], self.target

    def _next(self) -> Any:
        moment = self.writer.read(self.writer.begin(), self.text)
        return self.writer.choices(moment, WritingOptions(temperature=1.0), n=N_NEXT)
