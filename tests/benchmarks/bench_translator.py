"""The translator beside JoeyNMT's of the same size, on the same sentences of Multi30k: training and beam search.

    NLP_LSTM_DATA=FOLDER python tests/benchmarks/bench_translator.py --joeynmt-python JOEYNMT_ENVIRONMENT/bin/python

Both have embeddings of 256, a two-way LSTM of 256, an LSTM decoder of 512 with additive attention and input feeding,
and a softmax over 8,000. JoeyNMT 2.3.0 (with `importlib_metadata` and `setuptools<80`) has an environment and a process
of its own; the two take turns, ABBA. A round of training is 10 batches of 64 pairs with clipping and Adam, a round of
search 100 test sentences with a beam of 5, each written to 30 tokens; words are numbered by a checksum. Prints one JSON
line for each: target tokens a second in training, sentences a second in the search, the median ratio of the rounds with
the range of its middle half, and the operations of our training as a part of those of a large float32 matrix product.
"""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from turns import compare, sides

ROUNDS = 6
BATCH, N_BATCHES = 64, 10
N_SENTENCES, BEAM, LONGEST = 100, 5, 30
"""Sentences of a search, hypotheses of each, and the tokens each is written to."""
VOCAB, EMBED, HIDDEN, DECODER = 8_000, 256, 256, 512
UNKNOWN, PAD, BEGIN, END = range(4)
Pairs = list[tuple[list[int], list[int]]]


def pairs(name: str, count: int) -> Pairs:
    """Return the words of the first pairs of a part of Multi30k, English and German, as numbers behind the signs'."""
    sides = []
    for language in ("en", "de"):
        (path,) = (Path(os.environ["NLP_LSTM_DATA"]) / "multi30k").glob(f"{name}.{language}*")
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = text.decode().split("\n")[:count]
        sides.append(
            [[END + 1 + zlib.crc32(word.encode()) % (VOCAB - END - 1) for word in line.split()] for line in lines]
        )
    return list(zip(*sides, strict=True))


def batches(data: Pairs) -> list[Pairs]:
    """Return pairs of like length together, so that neither side is paid for its own way of doing that."""
    ordered = sorted(data, key=lambda pair: (len(pair[1]), len(pair[0])))
    return [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)]


def joeynmt_work(train_pairs: Pairs, test_pairs: Pairs) -> dict[str, Callable[[], object]]:
    """Return what JoeyNMT does in a round."""
    from types import SimpleNamespace

    import torch
    from joeynmt.batch import Batch
    from joeynmt.model import build_model
    from joeynmt.search import search
    from joeynmt.vocabulary import Vocabulary

    signs = {"unk_token": "<u>", "pad_token": "<p>", "bos_token": "<b>", "eos_token": "<e>", "sep_token": None}
    numbers = {"unk_id": UNKNOWN, "pad_id": PAD, "bos_id": BEGIN, "eos_id": END, "sep_id": None, "lang_tags": []}
    words = [str(number) for number in range(VOCAB - 4)]
    vocabulary = Vocabulary(words, SimpleNamespace(**signs, **numbers))
    layer = {"rnn_type": "lstm", "num_layers": 1, "embeddings": {"embedding_dim": EMBED, "scale": False}}
    shape = {
        "initializer": "xavier_uniform",
        "embed_initializer": "normal",
        "encoder": {"type": "recurrent", "hidden_size": HIDDEN, "bidirectional": True, **layer},
        "decoder": {
            "type": "recurrent",
            "hidden_size": DECODER,
            "attention": "bahdanau",
            "input_feeding": True,
            "init_hidden": "bridge",
            **layer,
        },
    }
    model = build_model(shape, src_vocab=vocabulary, trg_vocab=vocabulary)
    model.loss_function = ("crossentropy", 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def padded(rows: list[list[int]]) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)

    def batch(those: Pairs, *, train: bool) -> Batch:
        sources = [[*source, END] for source, _ in those]
        made = Batch(
            src=padded(sources),
            src_length=torch.tensor([len(source) for source in sources]),
            src_prompt_mask=None,
            trg=padded([[BEGIN, *target, END] for _, target in those]) if train else None,
            trg_prompt_mask=None,
            indices=torch.arange(len(those)),
            device=torch.device("cpu"),
            pad_index=PAD,
            eos_index=END,
            is_train=train,
        )
        made.sort_by_src_length()  # its encoder packs
        return made

    def train() -> None:
        model.train()
        for those in batches(train_pairs):
            made = batch(those, train=True)
            loss, *_ = model(return_type="loss", **vars(made))
            (loss / made.ntokens).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

    def translate() -> None:
        model.eval()
        found, *_ = search(model, batch(test_pairs, train=False), LONGEST, BEAM, 1.0, min_output_length=LONGEST)
        assert found.shape == (N_SENTENCES, LONGEST), found.shape

    return {"train": train, "search": translate}


def our_work(train_pairs: Pairs, test_pairs: Pairs) -> dict[str, Callable[[], object]]:
    """Return what we do in a round."""
    import numpy as np
    import torch

    from nlp_lstm.batching.pairs import PairBatch, PairBatches, PairRows
    from nlp_lstm.config import TrainingSettings
    from nlp_lstm.nn.decoder import Decoder
    from nlp_lstm.nn.encoder import Encoder
    from nlp_lstm.nn.search import SearchOptions
    from nlp_lstm.nn.translator import Translator
    from nlp_lstm.tasks.translation_search import find_translations
    from nlp_lstm.training.allocator import keep_freed_memory
    from nlp_lstm.training.optimizer import accumulate_gradients, build_optimizer, clip_gradients

    keep_freed_memory()
    torch.manual_seed(0)
    encoder = Encoder(VOCAB, EMBED, HIDDEN, bidirectional=True, pad_id=PAD, unknown_id=UNKNOWN)
    decoder = Decoder(VOCAB, EMBED, DECODER, 2 * HIDDEN, attention="additive", tied=False, unknown_id=UNKNOWN)
    model = Translator(encoder, decoder)
    settings = TrainingSettings(batch_size=BATCH, clip_norm=1.0)
    optimizer, device = build_optimizer(model, settings), torch.device("cpu")

    def ids(those: Pairs, side: int) -> list[np.ndarray]:
        return [np.array(pair[side], dtype=np.int32) for pair in those]

    def made(those: Pairs) -> PairBatch:
        rows = PairRows(ids(those, 0), ids(those, 1))
        (batch,) = PairBatches(
            rows, batch_size=BATCH, seed=0, pad_id=PAD, begin_id=BEGIN, end_id=END, max_tokens=256
        ).epoch(0)
        return batch

    def train() -> None:
        model.train()
        for those in batches(train_pairs):
            loss = lambda batch: model.loss(*batch, label_smoothing=0.1)  # noqa: E731
            accumulate_gradients(model, loss, [made(those)], device, "auto")
            clip_gradients(model, settings)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    limits = torch.full((N_SENTENCES,), LONGEST)
    options = SearchOptions(max_length=limits, min_length=LONGEST, begin_id=BEGIN, end_id=END, beam_size=BEAM)

    def translate() -> None:
        found = find_translations(model, ids(test_pairs, 0), options, pad_id=PAD)
        assert all(len(best.ids) == LONGEST for best, *_ in found)

    return {"train": train, "search": translate}


def operations(data: Pairs) -> float:
    """Return the operations of the matrix products that a round of training needs, there and back, padding left out."""
    source = 2 * 4 * HIDDEN * (EMBED + HIDDEN) + 2 * 2 * HIDDEN * DECODER  # both directions; keys and values
    target = 4 * DECODER * (EMBED + 2 * DECODER) + 2 * DECODER * DECODER + DECODER * VOCAB
    attended = 2 * DECODER  # scored and averaged, for each pair of a source and a target token
    counts = [(len(one), len(other) + 1) for one, other in data]
    forward = sum(2 * (m * source + n * target + m * n * attended) for m, n in counts)
    return 3.0 * forward


def product_rate() -> float:
    """Return how many float32 operations a second a large matrix product reaches here."""
    import torch

    size, times = 1024, 10
    one, other = torch.rand(size, size), torch.rand(size, size)
    one @ other
    started = time.perf_counter()
    for _ in range(times):
        one @ other
    return 2 * size**3 * times / (time.perf_counter() - started)


def main() -> None:
    """Compare, or serve one side of the comparison."""
    found = sides(__file__, __doc__ or "", "joeynmt", _work)
    if found is None:
        return
    trained = pairs("train", BATCH * N_BATCHES)
    rate = product_rate()
    n_tokens = sum(len(target) + 1 for _, target in trained)
    train = compare(*found, "train", rounds=ROUNDS, target_tokens=n_tokens)
    seconds = train["ours_seconds"]
    assert isinstance(seconds, float)
    train["fraction_of_product_rate"] = round(operations(trained) / seconds / rate, 2)
    search = compare(*found, "search", rounds=ROUNDS, sentences=N_SENTENCES)
    for what, figures in (("train", train), ("search", search)):
        print(json.dumps({"name": f"translator {what}", "peer": "joeynmt 2.3.0", **figures}), flush=True)


def _work(who: str) -> dict[str, Callable[[], object]]:
    data = pairs("train", BATCH * N_BATCHES), pairs("test_2016_flickr", N_SENTENCES)
    return joeynmt_work(*data) if who == "joeynmt" else our_work(*data)


if __name__ == "__main__":
    main()
