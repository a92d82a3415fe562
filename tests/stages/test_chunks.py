"""A stream of inputs comes in lists that grow, none lost and none moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.stages import chunks
from nlp_lstm.stages.chunks import LAST_CHUNK, check_text_or_words, grow_chunks


def test_the_chunks_of_a_stream_grow_to_an_end():
    sizes = [len(chunk) for chunk in grow_chunks("a" for _ in range(30_000))]
    assert sizes[:9] == [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    assert set(sizes[8:-1]) == {LAST_CHUNK}
    assert sum(sizes) == 30_000


def test_long_texts_make_small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_CHARACTERS", 100)
    assert [len(chunk) for chunk in grow_chunks(["a" * 60] * 5)] == [2, 2, 1]
    assert [len(chunk) for chunk in grow_chunks(["a" * 900, "b", "c"])] == [1, 2]
    assert [len(chunk) for chunk in grow_chunks([["a" * 30] * 2] * 5, check=check_text_or_words)] == [2, 2, 1]


@given(st.lists(st.text(max_size=5), max_size=200))
def test_no_text_is_lost_or_moved_between_chunks(texts):
    lists = list(grow_chunks(texts))
    assert [text for each in lists for text in each] == texts
    assert all(lists)
