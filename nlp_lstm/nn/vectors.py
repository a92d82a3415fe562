"""The shared encoder of tasks without text: vectors → a projection → stacked recurrent layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.recurrent import LayerState
from nlp_lstm.nn.stack import Encoded, Stack


class VectorEncoder(nn.Module):
    """Stacked recurrent layers over a vector at each step, with a projection before them if there is to be one.

        e_t = max(0, W x_t + b)

    It stands where `Encoder` stands in a task with text, the projection in the place of the embedding.

    Args:
        input_size: width of a vector.
        hidden_size: width of each layer's state in each direction.
        embed_size: width of what the first layer reads; None gives it the vectors as they are.
        n_layers: how many layers are stacked.
        cell: `lstm`, `gru` or `rnn`.
        bidirectional: read each row from both ends.
        dropout: locked dropout on each layer's input and on the last layer's output.
        weight_drop: probability of dropping a hidden-to-hidden weight for a batch (recurrent dropout).
        layer_norm: normalise the states between layers.

    Probabilities lie in [0, 1) and act in training only.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        embed_size: int | None = None,
        n_layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.projection = None if embed_size is None else nn.Linear(input_size, embed_size)
        self.stack = Stack(
            input_size if embed_size is None else embed_size,
            hidden_size,
            n_layers=n_layers,
            cell=cell,
            bidirectional=bidirectional,
            dropout=dropout,
            weight_drop=weight_drop,
            layer_norm=layer_norm,
        )

    @property
    def output_size(self) -> int:
        """Width of a state, of both directions together."""
        return self.stack.output_size

    def forward(
        self,
        vectors: Tensor,
        mask: Tensor | None = None,
        state: tuple[LayerState, ...] | None = None,
        *,
        final_state: bool = False,
        keep_layers: bool = False,
    ) -> Encoded:
        """Encode sequences of vectors.

        Args:
            vectors: (batch, time, input).
            mask: True at real steps, bool (batch, time); padding stands on the right only. None where all are real.
            state: where an earlier call ended; None starts from zeros.
            final_state: also return the state after each row's last real step.
            keep_layers: also return what each layer hands on.

        Raises:
            ValueError: as `Stack.forward`.
        """
        if vectors.shape[-1] != self.input_size:
            raise ValueError(f"vectors must be of width {self.input_size}, not {vectors.shape[-1]}")
        if mask is None:
            mask = vectors.new_ones(vectors.shape[:2]).bool()
        encoded: Encoded = self.stack(
            self.embed(vectors), mask, state, final_state=final_state, keep_layers=keep_layers
        )
        return encoded

    def embed(self, vectors: Tensor) -> Tensor:
        """Return what the first layer reads, (batch, time, embed)."""
        return vectors if self.projection is None else functional.relu(self.projection(vectors))
