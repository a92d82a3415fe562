"""Train and run small LSTM language tools on your own text, on a laptop CPU, in minutes.

>>> import nlp_lstm
>>> nlp_lstm.DataError("line 3 of train.csv: expected 2 columns, got 1").exit_code
3
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlp_lstm import stages as stages
    from nlp_lstm.adapters.hugging_face import pipeline as pipeline
    from nlp_lstm.adapters.scikit_learn import SequenceTagger as SequenceTagger
    from nlp_lstm.adapters.scikit_learn import TextClassifier as TextClassifier
    from nlp_lstm.corpora.series import Series as Series
    from nlp_lstm.errors import DataError as DataError
    from nlp_lstm.errors import Interrupted as Interrupted
    from nlp_lstm.errors import ModelError as ModelError
    from nlp_lstm.errors import NlpLstmError as NlpLstmError
    from nlp_lstm.errors import RequirementError as RequirementError
    from nlp_lstm.errors import StageError as StageError
    from nlp_lstm.errors import UsageError as UsageError
    from nlp_lstm.records.document import Document as Document
    from nlp_lstm.records.examples import Example as Example
    from nlp_lstm.records.predictions import Prediction as Prediction
    from nlp_lstm.stages.comparing import compare as compare
    from nlp_lstm.stages.loading import load as load
    from nlp_lstm.stages.pipeline import Pipeline as Pipeline
    from nlp_lstm.stages.run import train as train

__version__ = "0.1.0"

# Public name -> the module it lives in, imported on first use: `import nlp_lstm` alone loads no torch.
_EXPORTS = {
    "DataError": "nlp_lstm.errors",
    "Document": "nlp_lstm.records.document",
    "Example": "nlp_lstm.records.examples",
    "Interrupted": "nlp_lstm.errors",
    "ModelError": "nlp_lstm.errors",
    "NlpLstmError": "nlp_lstm.errors",
    "Pipeline": "nlp_lstm.stages.pipeline",
    "Prediction": "nlp_lstm.records.predictions",
    "RequirementError": "nlp_lstm.errors",
    "SequenceTagger": "nlp_lstm.adapters.scikit_learn",
    "Series": "nlp_lstm.corpora.series",
    "TextClassifier": "nlp_lstm.adapters.scikit_learn",
    "StageError": "nlp_lstm.errors",
    "UsageError": "nlp_lstm.errors",
    "compare": "nlp_lstm.stages.comparing",
    "load": "nlp_lstm.stages.loading",
    "pipeline": "nlp_lstm.adapters.hugging_face",
    "stages": "nlp_lstm.stages",
    "train": "nlp_lstm.stages.run",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_EXPORTS[name])
    value = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
