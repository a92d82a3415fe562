"""Scores of translations: BLEU and chrF as sacreBLEU computes them, and how many names were carried over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RESAMPLES = 1000
"""Draws of the test set behind an interval."""


@dataclass(frozen=True, slots=True)
class TranslationReport:
    """The scores of translations against one reference each.

    Attributes:
        n: sentences scored.
        bleu: in [0, 100]; on the text as it stands, or in lower case where that was asked for.
        bleu_interval: its 95 % interval, from resampled test sets; None with a single sentence.
        signature: how sacreBLEU computed it.
        chrf: character n-gram F score, in [0, 100].
        chrf_signature: how sacreBLEU computed it.
        bleu_tok_lc: BLEU of the tokenised text in lower case, as papers on small data report it, in [0, 100].
        bleu_tok_lc_signature: how sacreBLEU computed it.
        length_ratio: words of the translations to words of the references, as BLEU counts them.
        names: share of the names and numbers that stand in both source and reference and came over, in [0, 1]; None
            when there are none.
        n_names: how many there are.
        undefined: why a number is None; empty when all are there.
    """

    n: int
    bleu: float
    bleu_interval: tuple[float, float] | None
    signature: str
    chrf: float
    chrf_signature: str
    bleu_tok_lc: float
    bleu_tok_lc_signature: str
    length_ratio: float
    names: float | None
    n_names: int
    undefined: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values, ready for JSON."""
        found: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return found | {"bleu_interval": None if self.bleu_interval is None else list(self.bleu_interval)}


def translation_report(
    sources: Sequence[str], references: Sequence[str], translations: Sequence[str], *, lowercase: bool = False
) -> TranslationReport:
    """Return the scores of translations.

    Args:
        sources: the sentences that were translated.
        references: the right translations.
        translations: what is scored.
        lowercase: compare without case, as what writes lower case only is to be scored; the signatures say it.

    Raises:
        ValueError: there is nothing to score, or the three differ in length.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if not len(sources) == len(references) == len(translations):
        raise ValueError(f"expected as many of each, got {len(sources)}, {len(references)} and {len(translations)}")
    if not sources:
        raise ValueError("no sentences to score")
    plain, lower, characters = BLEU(lowercase=lowercase), BLEU(lowercase=True), CHRF(lowercase=lowercase)
    bleu = plain.corpus_score(translations, [references], n_bootstrap=RESAMPLES if len(sources) > 1 else 1)
    lowered = lower.corpus_score(translations, [references])
    chrf = characters.corpus_score(translations, [references])
    found, total = count_names(sources, references, translations, lowercase=lowercase)
    mean, half = float(bleu._mean), float(bleu._ci)  # where sacreBLEU puts them
    return TranslationReport(
        n=len(sources),
        bleu=float(bleu.score),
        bleu_interval=(max(0.0, mean - half), min(100.0, mean + half)) if len(sources) > 1 else None,
        signature=str(plain.get_signature()),
        chrf=float(chrf.score),
        chrf_signature=str(characters.get_signature()),
        bleu_tok_lc=float(lowered.score),
        bleu_tok_lc_signature=str(lower.get_signature()),
        length_ratio=float(bleu.sys_len / max(1, bleu.ref_len)),
        names=found / total if total else None,
        n_names=total,
        undefined="; ".join(_missing(len(sources), n_names=total)),
    )


def _missing(n: int, *, n_names: int) -> Iterator[str]:
    """Yield why numbers cannot be computed."""
    if n == 1:
        yield "the interval of BLEU needs two sentences or more"
    if not n_names:
        yield "names: no name and no number stands both in a source sentence and in its reference"


def chrf(references: Sequence[str], translations: Sequence[str], *, lowercase: bool = False) -> float:
    """Return chrF in [0, 100], what training watches; `lowercase` compares without case.

    >>> chrf(["ein Hund"], ["ein Hund"])
    100.0
    """
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF(lowercase=lowercase).corpus_score(translations, [references]).score)


def count_names(
    sources: Sequence[str], references: Sequence[str], translations: Sequence[str], *, lowercase: bool = False
) -> tuple[int, int]:
    """Return how many names came over, and how many there are.

    A name is a word with a capital letter or a digit that stands both in the source, but not as its first word, and in
    the reference. With `lowercase` it has come over in whatever case.

    >>> count_names(["Then Ada ran 5 km."], ["Dann lief Ada 5 km."], ["Dann lief Ada."])
    (1, 2)
    """
    found = total = 0
    for source, reference, translation in zip(sources, references, translations, strict=True):
        given = {word for word in _words(source)[1:] if any(sign.isupper() or sign.isdigit() for sign in word)}
        names = given & set(_words(reference))
        total += len(names)
        written = set(_words(translation.lower() if lowercase else translation))
        found += sum((name.lower() if lowercase else name) in written for name in names)
    return found, total


def _words(text: str) -> list[str]:
    return [stripped for word in text.split() if (stripped := word.strip(".,;:!?\"'()[]„“”‚‘’«»"))]
