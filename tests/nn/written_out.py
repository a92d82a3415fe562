"""The recurrent cells written out, by the name that an encoder knows them by."""

from __future__ import annotations

from nlp_lstm.nn.cells import gru_step, layernorm_step, lstm_step, minlstm_step, peephole_step, rnn_step

WITH_CELL_STATE = {"lstm": lstm_step, "peephole_lstm": peephole_step, "layernorm_lstm": layernorm_step}
WITHOUT = {"gru": gru_step, "rnn": rnn_step, "minlstm": minlstm_step}
