"""Networks without weights, by which stored ones are checked."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.shapes import shapes_only

SCRIPT = """
import sys
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.shapes import shapes_only
with shapes_only():
    LanguageModel(Encoder(50, 8, 8, n_layers=2, layer_norm=True), cutoffs=[10, 20])
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_names_and_shapes_are_those_of_the_network_and_nothing_is_held(cell):
    def build() -> LanguageModel:
        return LanguageModel(Encoder(30, 6, 8, n_layers=2, cell=cell, layer_norm=True), tied=True)

    with shapes_only():
        found = build()
    expected = build()
    assert {name: weight.shape for name, weight in found.state_dict().items()} == {
        name: weight.shape for name, weight in expected.state_dict().items()
    }
    assert all(weight.is_meta for weight in found.parameters())
    assert isinstance(expected.encoder, Encoder) and expected.encoder.embedding.weight.std() > 0


def test_what_is_built_afterwards_has_weights():
    with shapes_only():
        pass
    assert torch.empty(100).normal_().std() > 0.1


def test_no_compiler_is_imported_for_shapes():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
