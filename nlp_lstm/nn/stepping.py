"""A language model one token at a time, on the CPU, in compiled loops: how a text is written fast."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from nlp_lstm.nn.heeding import Floats, Numbers, Rules, count_symbols, heed, note
from nlp_lstm.nn.language_model import LanguageModel, State
from nlp_lstm.nn.machine_code import machine_code
from nlp_lstm.nn.recurrent import Recurrence
from nlp_lstm.nn.sampling import Transform, transforms

LARGEST_TABLE = 2**24
"""Numbers in the table of the first layer's inputs: 64 MB."""


@dataclass(frozen=True)
class Draw:
    """How a token is drawn; the sets are those of `nlp_lstm.nn.sampling`, in the same order.

    Attributes:
        temperature: 0 takes the likeliest.
        top_k: how many symbols stay; 0 for all.
        top_p: the probability that the likeliest have together; 1 for all.
        min_p: the least probability, as a share of the likeliest's; 0 for all.
        n_excluded: the symbols below this id are never drawn.
        rules: what the scores go through before.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    n_excluded: int = 0
    rules: Rules = field(default_factory=Rules)

    def transforms(self) -> tuple[Transform, ...]:
        """Return the same as transforms of scores."""
        return transforms(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            repetition_penalty=self.rules.repetition,
            frequency_penalty=self.rules.frequency,
            presence_penalty=self.rules.presence,
            no_repeat_ngram=self.rules.ngram,
            logit_bias=self.rules.biases,
            forbid=range(self.n_excluded),
            window=self.rules.window,
        )


class CompiledSteps:
    """The weights of a language model laid out for single steps.

    What the first layer makes of each token, W_ih e + b, is one row of a table; all other matrices are stored by
    column, so that a step goes through them once in the order in which they lie in memory. A step makes no new array.

    Args:
        model: a model that `suits`.
    """

    def __init__(self, model: LanguageModel) -> None:
        layers = [each for each in model.encoder.modules() if isinstance(each, Recurrence)]
        with torch.inference_mode():
            first = layers[0]
            start = first.bias_ih + first.bias_hh
            self.table = _array(model.encoder.embedding.weight @ first.weight_ih.T + start)  # (vocab, 4 hidden)
            self.inputs = tuple(_array(layer.weight_ih.T) for layer in layers[1:])  # each (hidden, 4 hidden)
            self.biases = tuple(_array(layer.bias_ih + layer.bias_hh) for layer in layers[1:])
            self.recurrent = tuple(_array(layer.weight_hh.T) for layer in layers)  # each (hidden, 4 hidden)
            output, bias = model.output_weights()
            self.output, self.output_bias = _array(output.T), _array(bias)  # (hidden, vocab), (vocab,)
        if not self.inputs:  # an empty tuple has no type
            self.inputs, self.biases = (self.recurrent[0][:0],), (self.output_bias[:0],)

    @staticmethod
    def suits(model: LanguageModel) -> bool:
        """Whether there are such loops for a model: LSTMs with a plain softmax and a small table, on the CPU."""
        encoder = model.encoder
        if encoder.embedding.num_embeddings * 4 * encoder.output_size > LARGEST_TABLE:
            return False
        plain = encoder.stack.cell == "lstm" and not len(encoder.stack.norms) and model.adaptive is None
        return plain and encoder.embedding.weight.device.type == "cpu"

    def run(
        self,
        log_probs: torch.Tensor,
        state: State,
        uniforms: NDArray[np.float64],
        draw: Draw,
        *,
        history: Numbers | None = None,
    ) -> tuple[list[int], torch.Tensor, State]:
        """Draw tokens and read each of them.

        Args:
            log_probs: of the first token, up to a constant, float32 (vocab,).
            state: of the network; h and c of each layer, each (1, hidden).
            uniforms: a number in [0, 1) for each token to draw.
            draw: how.
            history: the tokens before, int64 (time,), of which the rules take notice; None for none.

        Returns:
            The tokens, fewer where the rules leave none, the log-probabilities of what comes after them (vocab,), and
            the state behind them.
        """
        parts = [part.numpy().copy() for part in state]
        scores, chosen = log_probs.numpy().copy(), np.empty(len(uniforms), dtype=np.int64)
        hs, cs = tuple(part[0] for part in parts[::2]), tuple(part[0] for part in parts[1::2])
        sets = (draw.temperature, draw.top_k, draw.top_p, draw.min_p, draw.n_excluded)
        weights = (self.table, self.inputs, self.biases, self.recurrent, self.output, self.output_bias)
        before = chosen[:0] if history is None or not draw.rules.change else history
        counts = count_symbols(before, draw.rules.window, len(scores))
        written = (np.concatenate([before, chosen]), len(before), counts, draw.rules.added(len(scores)))
        n = _run(*weights, hs, cs, scores, uniforms, *sets, draw.rules.numbers(), *written, chosen)
        after = torch.from_numpy(scores).log_softmax(-1)
        return chosen[:n].tolist(), after, tuple(map(torch.from_numpy, parts))


def _array(tensor: torch.Tensor) -> Floats:
    found: Floats = tensor.detach().float().contiguous().numpy()
    return found


@machine_code(reorder=True)
def _run(
    table: Floats,
    inputs: tuple[Floats, ...],
    biases: tuple[Floats, ...],
    recurrent: tuple[Floats, ...],
    output: Floats,
    output_bias: Floats,
    hs: tuple[Floats, ...],
    cs: tuple[Floats, ...],
    scores: Floats,
    uniforms: NDArray[np.float64],
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    n_excluded: int,
    rules: tuple[bool, float, float, float, int, int],
    history: Numbers,
    length: int,
    counts: Numbers,
    added: Floats,
    chosen: Numbers,
) -> int:
    """Draw a token from `scores`, read it, and so on; `hs`, `cs` and `scores` are replaced by what comes after.

    The first `length` tokens of `history` came before. Returns how many were drawn before none was left.
    """
    width = table.shape[1]
    gates, part = np.empty(width, np.float32), np.empty(width, np.float32)
    powers = np.empty(width, np.int32)
    weights = np.empty(len(scores), np.float64)
    changed = np.empty(len(scores), np.float32)
    for step in range(len(uniforms)):
        offered = scores
        if rules[0]:
            heed(scores, history[: length + step], counts, added, rules, changed)
            offered = changed
        token = _draw(offered, weights, uniforms[step], temperature, top_k, top_p, min_p, n_excluded)
        if offered[token] == -np.inf:
            return step
        chosen[step] = token
        note(token, history, length + step, counts, rules[4])
        gates[:] = table[token]
        for depth in range(len(hs)):
            if depth > 0:
                gates[:] = biases[depth - 1]
                _add_product(hs[depth - 1], inputs[depth - 1], gates)
            _add_product(hs[depth], recurrent[depth], gates)
            _open_gates(gates, hs[depth], cs[depth], part, powers)
        scores[:] = output_bias
        _add_product(hs[len(hs) - 1], output, scores)
    return len(uniforms)


@machine_code(reorder=True)
def _add_product(vector: Floats, matrix: Floats, total: Floats) -> None:
    """Add vector · matrix (rows, columns) to `total`, eight rows at a time, so that `total` is read less often."""
    rows, columns = matrix.shape
    whole = rows - rows % 8
    for k in range(0, whole, 8):
        a, b, c, d = vector[k], vector[k + 1], vector[k + 2], vector[k + 3]
        e, f, g, h = vector[k + 4], vector[k + 5], vector[k + 6], vector[k + 7]
        for j in range(columns):
            total[j] += (
                (a * matrix[k, j] + b * matrix[k + 1, j])
                + (c * matrix[k + 2, j] + d * matrix[k + 3, j])
                + (e * matrix[k + 4, j] + f * matrix[k + 5, j])
                + (g * matrix[k + 6, j] + h * matrix[k + 7, j])
            )
    for k in range(whole, rows):
        for j in range(columns):
            total[j] += vector[k] * matrix[k, j]


@machine_code(reorder=True)
def _open_gates(gates: Floats, h: Floats, c: Floats, part: Floats, powers: NDArray[np.int32]) -> None:
    """Replace the state by the one after a step, from the gates' sums i, f, c̃, o; `nn/cells.py` has the formulas."""
    size = len(h)
    for j in range(2 * size, 3 * size):  # tanh x = 2 σ(2x) − 1
        gates[j] *= np.float32(2.0)
    _sigmoids(gates, part, powers)
    for j in range(size):
        candidate = np.float32(2.0) * gates[2 * size + j] - np.float32(1.0)
        c[j] = gates[size + j] * c[j] + gates[j] * candidate
        h[j] = np.float32(2.0) * c[j]
    _sigmoids(h, part, powers)
    for j in range(size):
        h[j] = gates[3 * size + j] * (np.float32(2.0) * h[j] - np.float32(1.0))


@machine_code(reorder=True)
def _sigmoids(values: Floats, part: Floats, powers: NDArray[np.int32]) -> None:
    """Replace each value by 1 / (1 + exp −x), to 2e-7, in loops that the processor takes many steps of at once.

    exp y = 2^n exp r with n the whole number nearest to y / log 2; exp r by its Taylor series, |r| ≤ log 2 / 2.
    """
    size = len(values)
    for j in range(size):
        y = min(max(-values[j], np.float32(-87.0)), np.float32(87.0))
        n = np.int32(y * np.float32(1.44269504) + np.float32(127.5))
        powers[j] = n << np.int32(23)
        r = y - np.float32(n - 127) * np.float32(0.693359375) + np.float32(n - 127) * np.float32(2.12194440e-4)
        p = np.float32(1.0 / 720.0)
        p = p * r + np.float32(1.0 / 120.0)
        p = p * r + np.float32(1.0 / 24.0)
        p = p * r + np.float32(1.0 / 6.0)
        p = p * r + np.float32(0.5)
        p = p * r + np.float32(1.0)
        part[j] = p * r + np.float32(1.0)
    scales = powers.view(np.float32)
    for j in range(size):
        values[j] = np.float32(1.0) / (np.float32(1.0) + part[j] * scales[j])


@machine_code()
def _draw(
    scores: Floats,
    weights: NDArray[np.float64],
    uniform: float,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    n_excluded: int,
) -> int:
    """Return the token in which the running sum of the weights first exceeds the uniform number's share of it.

    Where all scores are −∞ it is any token.
    """
    best = n_excluded
    for j in range(n_excluded, len(scores)):
        if scores[j] > scores[best]:
            best = j
    if temperature == 0.0 or scores[best] == -np.inf:
        return best
    for j in range(len(scores)):
        weights[j] = np.exp((scores[j] - scores[best]) / temperature) if j >= n_excluded else 0.0
    if top_k > 0 or top_p < 1.0:
        _cut(weights, top_k, top_p)
    total = 0.0
    for j in range(len(weights)):
        if weights[j] < min_p * (1.0 - 1e-6):
            weights[j] = 0.0
        total += weights[j]
    left = uniform * total
    last = best
    for j in range(len(weights)):
        if weights[j] > 0.0:
            last = j
            left -= weights[j]
            if left < 0.0:
                return j
    return last


@machine_code()
def _cut(weights: NDArray[np.float64], top_k: int, top_p: float) -> None:
    """Set to 0 the weights of all but the `top_k` likeliest, then of all that the likeliest reach `top_p` without."""
    order = np.argsort(-weights, kind="mergesort")
    if top_k > 0:
        for place in range(top_k, len(order)):
            weights[order[place]] = 0.0
    if top_p < 1.0:
        total = weights.sum()
        reached = 0.0
        for place in range(len(order)):
            token = order[place]
            if place > 0 and reached >= (top_p - 1e-6) * total:
                weights[token] = 0.0
            else:
                reached += weights[token]
