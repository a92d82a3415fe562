"""A text in the making: what was typed and what the model wrote, each turn of which can be taken back."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from nlp_lstm.config import WritingOptions
from nlp_lstm.shell.models import Choice, Moment, Writer


@dataclass(frozen=True, slots=True)
class Drawn:
    """One token as it was chosen.

    Attributes:
        moment: where the text stood before it.
        options: what it was drawn under.
        piece: the text that it let be shown.
    """

    moment: Moment
    options: WritingOptions
    piece: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a draft stands.

    Attributes:
        moment: the text so far, as the model knows it.
        runs: what the model wrote; a new run begins where something was typed in between. Of a loaded moment, which
            does not say who wrote what, it is the whole text.
        drawn: the last token that was written; None before.
    """

    moment: Moment
    runs: tuple[str, ...] = ("",)
    drawn: Drawn | None = None

    def extended(self, written: str, moment: Moment, drawn: Drawn | None) -> Place:
        """Return the place behind more that the model wrote."""
        return Place(moment, (*self.runs[:-1], self.runs[-1] + written), drawn or self.drawn)


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that a person did with a draft.

    Attributes:
        before: where it stood.
        prompt: what was typed; "" for nothing.
        seed: what the writing was drawn with; None if nothing was drawn.
    """

    before: Place
    prompt: str = ""
    seed: int | None = None


class Draft:
    """A text that a writer and a person make together, and the turns that led to it.

    Args:
        writer: what reads and writes.

    Attributes:
        place: where the text stands.
        turns: what was done, the latest last.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.place = Place(writer.begin())
        self.turns: list[Turn] = []

    @property
    def text(self) -> str:
        """The whole text."""
        return self.place.moment.text

    def read(self, prompt: str, *, seed: int, instead: bool = False) -> Generator[None]:
        """Begin a turn: read what was typed, which may be nothing. It stands only when all is read.

        Args:
            prompt: what was typed.
            seed: what will be drawn with.
            instead: whether the turn takes the place of the last one.

        Yields:
            Where the reading can be left.
        """
        before = after = self.turns[-1].before if instead else self.place
        if prompt:
            moment = yield from self.writer.reading(before.moment, prompt)
            after = Place(moment, (*before.runs, ""))
        if instead:
            self.turns.pop()
        self._turn(Turn(before, prompt, seed), after)

    def write(self, options: WritingOptions) -> Iterator[str]:
        """Yield the pieces that are written on, maybe empty; what was written stands, whenever the caller stops."""
        seed = self.turns[-1].seed
        assert seed is not None
        start = self.place
        moment, drawn, pieces = start.moment, start.drawn, list[str]()
        try:
            for step in self.writer.write(moment, options, seed=seed, longest_run=1):
                if step.n_tokens:
                    drawn = Drawn(moment, options, step.piece)
                moment = step.moment
                pieces.append(step.piece)
                yield step.piece
        finally:
            self.place = start.extended("".join(pieces), moment, drawn)

    def choices(self, options: WritingOptions, *, n: int) -> list[Choice]:
        """Return the `n` likeliest next tokens."""
        return list(self.writer.choices(self.place.moment, options, n=n))

    def take(self, choice: Choice, options: WritingOptions) -> str:
        """Write one chosen token, which is a turn; return its piece."""
        before = self.place
        step = self.writer.take(before.moment, choice.id)
        drawn = Drawn(before.moment, options, step.piece)
        self._turn(Turn(before), before.extended(step.piece, step.moment, drawn))
        return step.piece

    def jump(self, moment: Moment) -> None:
        """Go to another moment, which is a turn."""
        self._turn(Turn(self.place), Place(moment, (moment.text,)))

    def go_over_to(self, text: str) -> Generator[None]:
        """Go to where `text` ends, read from its beginning, which is a turn; yield where the reading can be left."""
        moment = yield from self.writer.reading(self.writer.begin(), text)
        self.jump(moment)

    def undo(self) -> Turn | None:
        """Take the last turn back and return it; None if there is none."""
        if not self.turns:
            return None
        turn = self.turns.pop()
        self.place = turn.before
        return turn

    def _turn(self, turn: Turn, after: Place) -> None:
        self.turns.append(turn)
        self.place = after
