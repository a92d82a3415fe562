from __future__ import annotations

import random
import time

import pytest

from nlp_lstm.shell.memory import longest_shared, search_blocks


def slowly(written: str, training: str) -> str:
    """The first of the longest passages, by trying them all."""
    passages = [written[i:j] for i in range(len(written)) for j in range(i + 1, len(written) + 1)]
    return max((each for each in passages if each in training), key=len, default="")


@pytest.mark.parametrize("seed", range(40))
def test_the_passage_is_the_longest_there_is(seed):
    draw = random.Random(seed)
    letters = "ab" if seed % 2 else "abcdé\n"
    written = "".join(draw.choices(letters, k=draw.randrange(25)))
    training = "".join(draw.choices(letters, k=draw.randrange(60)))
    found = longest_shared(written, training)
    assert len(found.text) == len(slowly(written, training))
    assert written[found.start :].startswith(found.text) and training[found.place :].startswith(found.text)
    assert found.text == slowly(written, training)
    assert found.share == (len(found.text) / len(written) if written else 0)


@pytest.mark.parametrize("seed", range(40))
def test_blocks_share_what_the_whole_text_shares_wherever_they_end(seed):
    draw = random.Random(seed)
    runs = ["".join(draw.choices("ab\n", k=draw.randrange(25))) for _ in range(3)]
    training = "".join(draw.choices("ab\n", k=60))
    ends = sorted(draw.sample(range(1, 60), k=seed % 7))
    blocks = [training[start:end] for start, end in zip([0, *ends], [*ends, 60], strict=True)]
    *_, found = search_blocks(runs, blocks)
    assert len(found.text) == max(len(slowly(run, training)) for run in runs)
    assert not found.text or any(found.text in run for run in runs)
    lines = training.split("\n")
    assert "\n".join(lines[found.line - 1 :]).find(found.text) <= len(lines[found.line - 1])


def test_a_passage_that_must_be_longer_is_found_or_none_is():
    assert longest_shared("so it goes", "then so it went", longer_than=5).text == "so it "
    assert longest_shared("so it goes", "then so it went", longer_than=6).text == ""


def test_a_text_that_was_copied_whole_is_all_shared():
    training = "".join(random.Random(3).choices("abcdefgh ", k=5_000))
    found = longest_shared(training[700:2_700], training)
    assert (found.start, found.place, len(found.text), found.share) == (0, 700, 2_000, 1.0)


@pytest.mark.parametrize("written", ["", "xyz"])
def test_a_text_that_shares_nothing_has_an_empty_passage(written):
    found = longest_shared(written, "abc")
    assert (found.text, found.share) == ("", 0.0)


def test_a_megabyte_takes_well_under_a_second():
    draw = random.Random(5)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 8))) for _ in range(3_000)]
    training = " ".join(draw.choices(words, weights=range(3_000, 0, -1), k=180_000))
    written = " ".join(draw.choices(words, weights=range(3_000, 0, -1), k=180))[:1_000]
    assert len(training) > 1_000_000
    seconds = []
    for text, shared in ((f"{written[:500]}{training[500_000:500_040]}{written[500:]}", 40), ("so " * 300, 3)):
        before = time.process_time()
        found = longest_shared(text, training)
        seconds.append(time.process_time() - before)
        assert len(found.text) >= shared
    assert max(seconds) < 1
