"""The rules in compiled loops against the transforms of `sampling`, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlp_lstm.nn.heeding import Rules, count_symbols, heed, note
from nlp_lstm.nn.sampling import apply, transforms

VOCAB = 9
RULES = {
    "repetition": {"repetition": 1.7},
    "repetition liked": {"repetition": 0.5},
    "frequency": {"frequency": 0.6},
    "presence": {"presence": -0.4},
    "window": {"repetition": 1.3, "frequency": 0.4, "presence": 0.9, "window": 3},
    "a wide window": {"frequency": 0.4, "window": 99},
    "bias": {"biases": {3: 2.5, 0: -1.0}},
    "one": {"ngram": 1},
    "two": {"ngram": 2},
    "four": {"ngram": 4},
    "all": {"repetition": 1.2, "frequency": -0.2, "presence": 0.3, "window": 5, "ngram": 3, "biases": {7: -3.0}},
}


def by_transforms(scores: torch.Tensor, history: list[int], rules: Rules) -> np.ndarray:
    those = transforms(
        repetition_penalty=rules.repetition,
        frequency_penalty=rules.frequency,
        presence_penalty=rules.presence,
        no_repeat_ngram=rules.ngram,
        logit_bias=rules.biases,
        window=rules.window,
    )
    return apply(scores.unsqueeze(0), torch.tensor([history], dtype=torch.int64), those)[0].numpy()


@pytest.mark.parametrize("given", RULES.values(), ids=RULES)
@pytest.mark.parametrize("read", [0, 1, 20])
def test_each_step_changes_the_scores_as_the_transforms_do(given, read):
    rules, random = Rules(**given), np.random.default_rng(read)
    assert rules.change
    history = np.concatenate([random.integers(VOCAB, size=read), np.zeros(30, dtype=np.int64)])
    counts = count_symbols(history[:read], rules.window, VOCAB)
    added, changed = rules.added(VOCAB), np.empty(VOCAB, dtype=np.float32)
    for length in range(read, read + 30):
        logits = torch.from_numpy(random.normal(size=VOCAB, scale=3)).float()
        heed(logits.numpy() + 4.0, history[:length], counts, added, rules.numbers(), changed)
        expected = by_transforms(logits.log_softmax(-1), history[:length].tolist(), rules)
        np.testing.assert_array_equal(np.isinf(changed), np.isinf(expected))
        allowed = ~np.isinf(expected)
        if allowed.any():
            difference = changed[allowed] - expected[allowed]  # without a repetition penalty, up to a constant
            exact = difference if rules.repetition != 1 else difference - difference[0]
            np.testing.assert_allclose(exact, 0, atol=2e-5)
        note(int(random.integers(VOCAB)), history, length, counts, rules.window)


def test_counts_kept_step_by_step_are_those_of_a_new_count():
    random = np.random.default_rng(1)
    for window in (0, 1, 4, 50):
        history = random.integers(VOCAB, size=40)
        counts = count_symbols(history[:10], window, VOCAB)
        for length in range(10, 40):
            note(int(history[length]), history, length, counts, window)
            assert counts.tolist() == count_symbols(history[: length + 1], window, VOCAB).tolist()


def test_rules_that_change_nothing_say_so():
    assert not Rules().change and not Rules(window=5).change
