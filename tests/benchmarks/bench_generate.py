"""Writing with a generator, one text at a time, beside a plain loop over `nn.LSTMCell` with the same weights.

Both take the same random numbers, and their texts are compared first. Then they take turns, ABBA, and the ratio of each
round is taken. Ours is measured twice: the compiled loops alone, and all of `Writer`, from the prompt to the text.
Prints one JSON line a case: characters a second, the median ratio with its 95 % bootstrap interval, and what part of a
step's matrix product alone the loops reach.

With `--nanogpt FOLDER`, a checkout of nanoGPT, the whole writer also takes turns with `generate` of a GPT of the size
it recommends for a CPU (4 layers of 128, context 64), untrained like ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from nlp_lstm.config import WritingOptions
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.recurrent import Recurrence
from nlp_lstm.nn.stepping import CompiledSteps, Draw
from nlp_lstm.tasks.writing import Writer
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.vocabulary import SPECIALS, Vocabulary

ROUNDS = 20
LENGTH = 1000
"""Characters of a text."""
SIZES = (256, 512)
SHORT = 200
"""Characters of a text of nanoGPT."""
ALPHABET = "\nabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,;:!?'-&3"


class Case:
    """A model, and the same weights in a cell of torch's."""

    def __init__(self, hidden_size: int) -> None:
        torch.manual_seed(0)
        self.vocabulary = Vocabulary([*SPECIALS, *ALPHABET])
        size = len(self.vocabulary)
        self.model = LanguageModel(Encoder(size, hidden_size, hidden_size)).eval()
        (layer,) = (each for each in self.model.modules() if isinstance(each, Recurrence))
        self.cell, self.linear = nn.LSTMCell(hidden_size, hidden_size), nn.Linear(hidden_size, size)
        with torch.no_grad():
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(self.cell, name).copy_(getattr(layer, name))
            weight, bias = self.model.output_weights()
            self.linear.weight.copy_(weight)
            self.linear.bias.copy_(bias)
        self.steps, self.hidden_size = CompiledSteps(self.model), hidden_size
        self.writer = Writer(self.model, Characters(), self.vocabulary)
        self.start = self.writer.begin()
        self.uniforms = np.random.default_rng(1).random(LENGTH)

    def loops(self) -> list[int]:
        draw = Draw(temperature=1.0, n_excluded=len(SPECIALS))
        return self.steps.run(self.start.log_probs, self.start.state, self.uniforms, draw)[0]

    def whole(self) -> str:
        options = WritingOptions(max_new_tokens=LENGTH, temperature=1.0)
        return "".join(step.piece for step in self.writer.write(self.start, options, seed=1))

    def peer(self) -> list[int]:
        found = []
        h, c = self.start.state
        scores = self.start.log_probs.unsqueeze(0)
        uniforms = torch.from_numpy(self.uniforms).float()
        with torch.inference_mode():
            for uniform in uniforms:
                scores[:, : len(SPECIALS)] = -torch.inf
                sums = scores.softmax(-1).cumsum(-1)
                token = torch.searchsorted(sums, uniform * sums[:, -1:], right=True)[0]
                found.append(int(token))
                h, c = self.cell(self.model.encoder.embedding(token), (h, c))
                scores = self.linear(h)
        return found

    def product(self) -> None:
        """Multiply a state with the recurrent matrix, as often as a text has steps."""
        vector, matrix = self.start.state[0], self.cell.weight_hh.detach().T.contiguous()
        with torch.inference_mode():
            for _ in range(LENGTH):
                torch.mm(vector, matrix)


def nanogpt(folder: str) -> Callable[[], object]:
    """Return what writes with a GPT of the checkout in a folder."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", f"{folder}/model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shape = {
        "block_size": 64,
        "vocab_size": 65,
        "n_layer": 4,
        "n_head": 4,
        "n_embd": 128,
        "dropout": 0.0,
        "bias": False,
    }
    model = module.GPT(module.GPTConfig(**shape)).eval()
    start = torch.zeros(1, 1, dtype=torch.int64)
    return lambda: model.generate(start, SHORT, temperature=1.0)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(ours: Callable[[], object], peer: Callable[[], object], *, length: int, rounds: int) -> dict[str, object]:
    """Return the rates and the ratio of two that write texts, the peer's of `length` characters, taking turns."""
    seconds(ours), seconds(peer)
    pairs = []
    for _ in range(rounds):
        a, b, c, d = (seconds(work) for work in (peer, ours, ours, peer))
        pairs.append(((a + d) / 2 / length, (b + c) / 2 / LENGTH))
    ratios = np.array([theirs / mine for theirs, mine in pairs])
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    theirs, mine = np.median(pairs, axis=0)
    return {
        "peer_characters_per_second": round(1 / theirs),
        "ours_characters_per_second": round(1 / mine),
        "ratio": round(float(np.median(ratios)), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "threads": torch.get_num_threads(),
    }


def beside_loop(name: str, case: Case, ours: Callable[[], object]) -> dict[str, object]:
    """Return the figures of one case beside the plain loop."""
    found = measure(ours, case.peer, length=LENGTH, rounds=ROUNDS)
    rate = found["ours_characters_per_second"]
    assert isinstance(rate, int)
    part = statistics.median(seconds(case.product) for _ in range(ROUNDS)) * rate / LENGTH
    title = {"name": f"{name}, hidden {case.hidden_size}", "peer": "nn.LSTMCell loop"}
    return {**title, **found, "fraction_of_product_rate": round(part, 2)}


def main() -> None:
    """Print the figures of every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", metavar="FOLDER", help="a checkout of nanoGPT; none skips it")
    options = parser.parse_args()
    cases = [Case(size) for size in SIZES]
    for case in cases:
        if case.loops()[:200] != case.peer()[:200]:
            raise SystemExit("the two write different texts")
        print(json.dumps(beside_loop("compiled loops", case, case.loops)), flush=True)
        print(json.dumps(beside_loop("whole writer", case, case.whole)), flush=True)
    if options.nanogpt:
        case = cases[0]
        found = measure(case.whole, nanogpt(options.nanogpt), length=SHORT, rounds=ROUNDS // 4)
        title = {"name": f"whole writer, hidden {case.hidden_size}", "peer": "nanoGPT, 4 layers of 128"}
        print(json.dumps({**title, **found}), flush=True)


if __name__ == "__main__":
    main()
