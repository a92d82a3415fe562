"""What the shell keeps between sessions, in the user's own state folder: history, and moments by name."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from nlp_lstm.errors import NlpLstmError, UsageError, nearest, refusal
from nlp_lstm.files import write_whole
from nlp_lstm.shell.models import Kept, Moment, Writer

_ENDING = ".safetensors"
_NAME = re.compile(r"\w[\w.-]{0,47}")


def state_folder() -> Path:
    """Return `nlp-lstm` in the folder that `XDG_STATE_HOME` names, else in the user's folder for state."""
    named = os.environ.get("XDG_STATE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state") / "nlp-lstm"


def make_private(folder: Path) -> Path:
    """Make a folder, unless it is there, that nobody else may look into: it will hold what a person typed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class Shelf:
    """The moments that were kept, whatever the model, each a file of its name."""

    def __init__(self) -> None:
        self.folder = state_folder() / "moments"

    def names(self) -> list[str]:
        """Return the names there are.

        Raises:
            NlpLstmError: where they should be is something else.
        """
        self._check_folder()
        return sorted(path.name.removesuffix(_ENDING) for path in self.folder.glob(f"*{_ENDING}"))

    def save(self, name: str, moment: Moment, writer: Writer, *, replace: bool = False) -> None:
        """Keep a moment, whole or not at all.

        Raises:
            UsageError: the name is none, or is taken and not to be replaced.
            NlpLstmError: it cannot be written.
        """
        path = self._path(name)
        if path.exists() and not replace:
            raise UsageError(f"a moment {name!r} is there already; /state save --replace {name} puts this in its place")
        self._check_folder()
        try:
            make_private(state_folder())
            write_whole(path, partial(writer.save_moment, moment))
        except OSError as error:
            raise NlpLstmError(f"the moment cannot be saved: {refusal(error)}") from error

    def load(self, name: str, writer: Writer) -> Kept:
        """Return what is kept by a name.

        Raises:
            UsageError: there is none; the message names the nearest.
            ModelError: it is damaged.
        """
        path = self._path(name)
        if not path.exists():
            raise UsageError(f"no moment {name!r}{nearest(name, self.names()) or '; none is saved'}")
        return writer.load_moment(path)

    def _check_folder(self) -> None:
        """See that nothing stands in the way of the folder."""
        in_the_way = next((each for each in (self.folder, *self.folder.parents) if each.exists()), None)
        if in_the_way is not None and not in_the_way.is_dir():
            raise NlpLstmError(f"no moments can be kept: {in_the_way} is a file; expected a folder")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name: expected up to 48 letters, digits and _ - . with no - or . in front"
            )
        return self.folder / f"{name}{_ENDING}"
