"""Words a second of the tagger beside Flair's, on the same sentences of CoNLL-2000: training steps and prediction.

    NLP_LSTM_DATA=FOLDER python tests/benchmarks/bench_tagger.py --flair-python FLAIR_ENVIRONMENT/bin/python

Both have a two-way LSTM of 200 over word embeddings of 100 and character features, a CRF, batches of 32. Flair 0.15.1
is installed in an environment of its own and works in a process of its own; the two take turns, ABBA. Prints one JSON
line for training and one for prediction: words a second of each, the median ratio of the rounds and the range of the
middle half. What the two predict is not compared: their weights differ, and neither is trained to the end.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from turns import compare, sides

ROUNDS = 6
N_TRAIN, N_PREDICT, BATCH = 640, 640, 32


def sentences(count: int) -> list[tuple[list[str], list[str]]]:
    """Return the words and tags of the first sentences of CoNLL-2000's training part."""
    path = Path(os.environ["NLP_LSTM_DATA"]) / "conll2000" / "train.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        blocks = file.read().strip().split("\n\n")[:count]
    rows = [[line.split(" ") for line in block.split("\n")] for block in blocks]
    return [([row[0] for row in block], [row[-1] for row in block]) for block in rows]


def flair_work(data: list[tuple[list[str], list[str]]]) -> dict[str, Callable[[], object]]:
    """Return what Flair does in a round."""
    import torch
    from flair.data import Corpus, Dictionary, Sentence
    from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
    from flair.models import SequenceTagger
    from flair.training_utils import store_embeddings

    from nlp_lstm.text.tag_schemes import spans

    def made(number: int) -> Sentence:
        words, tags = data[number]
        sentence = Sentence(words)
        for span in spans(tags, "iob2"):
            sentence[span.start : span.end].add_label("chunk", span.label)
        return sentence

    labelled = [made(number) for number in range(N_TRAIN)]
    tags = Corpus(train=labelled, dev=labelled, test=labelled).make_label_dictionary("chunk", add_unk=False)
    words, letters = Dictionary(), Dictionary()
    for those, _ in data:
        for word in those:
            words.add_item(word)
            for letter in word:
                letters.add_item(letter)
    with tempfile.NamedTemporaryFile() as file:
        letters.save(file.name)
        characters = CharacterEmbeddings(file.name)  # by default it fetches a list of letters
    embeddings = StackedEmbeddings([OneHotEmbeddings(words, embedding_length=100), characters])
    tagger = SequenceTagger(embeddings, tags, "chunk", hidden_size=200, rnn_layers=1, use_crf=True, tag_format="BIO")
    optimizer = torch.optim.SGD(tagger.parameters(), lr=0.1)

    def train() -> None:
        tagger.train()
        for start in range(0, N_TRAIN, BATCH):
            batch = labelled[start : start + BATCH]
            loss, _ = tagger.forward_loss(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(tagger.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()
            store_embeddings(batch, "none")

    def predict() -> None:
        tagger.predict([Sentence(those) for those, _ in data[:N_PREDICT]], mini_batch_size=BATCH)

    return {"train": train, "predict": predict}


def our_work(data: list[tuple[list[str], list[str]]]) -> dict[str, Callable[[], object]]:
    """Return what we do in a round."""
    import torch

    from nlp_lstm.config import EncoderSettings, TrainingSettings, VocabularySettings
    from nlp_lstm.records.examples import TaggedSentence
    from nlp_lstm.tasks.tag import Tag, TagSettings
    from nlp_lstm.text.regex_words import RegexWords
    from nlp_lstm.training.allocator import keep_freed_memory
    from nlp_lstm.training.optimizer import accumulate_gradients, build_optimizer, clip_gradients

    keep_freed_memory()
    torch.manual_seed(0)
    examples = [TaggedSentence.of_words(words, tags) for words, tags in data]
    tokenizer = RegexWords(lowercase=True)
    tokens = Tag.tokenize(examples, tokenizer, cache=None)
    vocabularies = Tag.build_vocabularies(tokens, tokenizer, VocabularySettings(min_count=1))
    task = Tag.from_examples(examples, TagSettings(), tokenizer, vocabularies)
    model = task.build(EncoderSettings(embed_size=100, hidden_size=200, n_layers=1, dropout=0.5))
    settings = TrainingSettings(batch_size=BATCH)
    optimizer = build_optimizer(model, settings)
    batches = task.batches(task.encode(tokens), examples, settings)
    device = torch.device("cpu")

    def train() -> None:
        model.train()
        for batch in batches.epoch(0):
            accumulate_gradients(model, lambda each: task.loss(model, each), [batch], device, "auto")
            clip_gradients(model, settings)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def predict() -> None:
        task.answer(model, [words for words, _ in data[:N_PREDICT]])

    return {"train": train, "predict": predict}


def main() -> None:
    """Compare, or serve one side of the comparison."""
    found = sides(__file__, __doc__ or "", "flair", _work)
    if found is None:
        return
    for what, count in (("train", N_TRAIN), ("predict", N_PREDICT)):
        words = sum(len(those) for those, _ in sentences(count))
        figures = compare(*found, what, rounds=ROUNDS, words=words, sentences=count)
        print(json.dumps({"name": f"tagger {what}", "peer": "flair 0.15.1", **figures}), flush=True)


def _work(who: str) -> dict[str, Callable[[], object]]:
    data = sentences(max(N_TRAIN, N_PREDICT))
    return flair_work(data) if who == "flair" else our_work(data)


if __name__ == "__main__":
    main()
