"""What a word's letters tell of it: features computed once for each distinct spelling of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlp_lstm.nn.encoder import EMBEDDING_SCALE, Encoder
from nlp_lstm.nn.pooling import last_states
from nlp_lstm.nn.windows import WIDTHS, strongest_windows


class CharacterCnn(nn.Module):
    """The strongest answer of each filter anywhere in a spelling.

    Source: Ma & Hovy 2016, section 2.1; several widths and signs for beginning and end, Kim et al. 2016, section 2.2.

    Args:
        n_characters: rows of the character table; 0 is padding.
        embed_size: width of a character's embedding.
        size: how many filters, a multiple of the number of widths.
    """

    def __init__(self, n_characters: int, embed_size: int, size: int) -> None:
        super().__init__()
        if size % len(WIDTHS):
            raise ValueError(f"the number of filters must be a multiple of {len(WIDTHS)}, not {size}")
        self.embedding = nn.Embedding(n_characters, embed_size, padding_idx=0)
        self.filters = nn.ModuleList(nn.Linear(width * embed_size, size // len(WIDTHS)) for width in WIDTHS)

    def forward(self, characters: Tensor) -> Tensor:
        """Return (spellings, size) for `characters` int64 (spellings, length), padded on the right with zeros.

        A window wider than a spelling reads padding too; any other lies within it. At least 5 characters are expected.
        """
        on_cpu = characters.device.type == "cpu"
        return torch.relu(self._in_loops(characters) if on_cpu else self._as_products(characters))

    def _in_loops(self, characters: Tensor) -> Tensor:
        """Return the strongest answers (spellings, size) from a table of what filters answer to single characters."""
        filters: list[nn.Linear] = list(self.filters)  # type: ignore[arg-type]
        embedding = self.embedding.weight  # (characters, embed)
        places = [part for each in filters for part in each.weight.split(embedding.shape[1], 1)]  # (filters, embed)
        answers = embedding @ torch.cat(places).T  # (characters, places · filters)
        table = answers.float().unflatten(1, (len(places), -1))
        return strongest_windows(table, characters) + torch.cat([each.bias for each in filters])

    def _as_products(self, characters: Tensor) -> Tensor:
        """Return the strongest answers (spellings, size) from a matrix product over all windows."""
        embedded = self.embedding(characters)  # (spellings, length, embed)
        pairs = zip(WIDTHS, self.filters, strict=True)
        return torch.cat([self._strongest(embedded, characters, *pair) for pair in pairs], -1)

    def _strongest(self, embedded: Tensor, characters: Tensor, width: int, filters: nn.Module) -> Tensor:
        """Return the strongest answer of the filters of one width, (spellings, filters)."""
        places = embedded.shape[1] - width + 1
        windows = torch.cat([embedded[:, first : first + places] for first in range(width)], -1)
        answers: Tensor = filters(windows)  # (spellings, places, filters)
        outside = characters[:, width - 1 :] == 0  # (spellings, places): the window ends in padding
        outside[:, 0] = False
        return answers.masked_fill(outside.unsqueeze(-1), float("-inf")).amax(1)


class CharacterLstm(nn.Module):
    """Where a two-way LSTM over the characters ends.

    Source: Lample et al. 2016, section 4.1.

    Args:
        n_characters: rows of the character table; 0 is padding.
        embed_size: width of a character's embedding.
        size: width of the result, an even number.
    """

    def __init__(self, n_characters: int, embed_size: int, size: int) -> None:
        super().__init__()
        if size % 2:
            raise ValueError(f"the width of a two-way network must be even, not {size}")
        self.encoder = Encoder(n_characters, embed_size, size // 2, bidirectional=True)
        with torch.no_grad():
            self.encoder.embedding.weight.div_(EMBEDDING_SCALE)  # few rows, each met often: they may start out loud

    def forward(self, characters: Tensor) -> Tensor:
        """Return (spellings, size) for `characters` int64 (spellings, length), padded on the right with zeros."""
        mask = characters > 0
        return last_states(self.encoder(characters, mask).states, mask, bidirectional=True)


READERS: dict[str, type[CharacterCnn | CharacterLstm]] = {"cnn": CharacterCnn, "lstm": CharacterLstm}
"""Every way to read a spelling, by name."""


class SpellingFeatures(nn.Module):
    """Character features and casing of each distinct spelling.

    Args:
        n_characters: rows of the character table; 0 is padding.
        n_casings: kinds of casing; 0 leaves casing out.
        reader: a key of `READERS`, or `none`.
        embed_size: width of a character's embedding.
        size: width of the character features.
        casing_size: width of a casing's embedding.
    """

    def __init__(
        self, n_characters: int, n_casings: int, *, reader: str, embed_size: int, size: int, casing_size: int = 8
    ) -> None:
        super().__init__()
        self.reader = READERS[reader](n_characters, embed_size, size) if reader != "none" else None
        self.casing = nn.Embedding(n_casings, casing_size) if n_casings else None
        self.output_size = (size if self.reader is not None else 0) + (casing_size if n_casings else 0)

    def forward(self, characters: Tensor, casings: Tensor) -> Tensor:
        """Return (spellings, output_size).

        Args:
            characters: ids, int64 (spellings, length), padded on the right with zeros.
            casings: kind of casing, int64 (spellings,).
        """
        parts = []
        if self.reader is not None:
            parts.append(self.reader(characters))
        if self.casing is not None:
            parts.append(self.casing(casings))
        return torch.cat([part.float() for part in parts], -1)

    def placed(self, spellings: Tensor, characters: Tensor, casings: Tensor) -> Tensor | None:
        """Return the features of each word, float32 (batch, time, output_size); None where there are none.

        Args:
            spellings: the row of each word in `characters` and `casings`, int64 (batch, time).
            characters: as in `forward`.
            casings: as in `forward`.
        """
        if not self.output_size:
            return None
        # Each batch has another number of spellings. In bfloat16 each new shape would cost the matrix product its
        # set-up and memory that is never given back: 1.7 times the time of a step, and gigabytes in an hour.
        with torch.autocast(spellings.device.type, enabled=False):
            features = self(characters, casings)
        # Not features[spellings]: on several threads the gradient of that is summed in an order left to chance.
        placed: Tensor = features.index_select(0, spellings.flatten()).view(*spellings.shape, -1)
        return placed
