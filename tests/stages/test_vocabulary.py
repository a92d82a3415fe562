"""With byte-level subwords no text is unknown to a trained model, whatever its letters."""

from __future__ import annotations

from nlp_lstm import train


def test_subwords_know_letters_that_training_never_saw(tmp_path):
    data = tmp_path / "train.csv"
    data.write_text("text,label\n" + "".join(f"so kind {i},good\nso rude {i},bad\n" for i in range(20)))
    settings = {
        "tokenizer.kind": "subwords",
        "tokenizer.vocab_size": 300,
        "vocabulary.min_count": 3,
        "encoder.embed_size": 4,
        "encoder.hidden_size": 4,
    }
    model = train("classify", train=data, out=tmp_path / "run", steps=1, settings=settings).load()
    for text in ("\u00e9 zq", "\U0001f44d", "\u0436\u0443\u043a"):
        (keys,) = model.tokenizer.keys([text])
        assert keys and model.vocabulary.unknown_id not in model.vocabulary.ids(keys)
