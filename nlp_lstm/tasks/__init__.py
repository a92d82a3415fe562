"""What is predicted: one module a task, each on the shared encoder, and the one table of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nlp_lstm import plugins
from nlp_lstm.errors import UsageError

if TYPE_CHECKING:
    from nlp_lstm.tasks.task import Task

TASKS = {
    "classify": "nlp_lstm.tasks.classify:Classify",
    "tag": "nlp_lstm.tasks.tag:Tag",
    "translate": "nlp_lstm.tasks.translate:Translate",
    "generate": "nlp_lstm.tasks.generate:Generate",
    "forecast": "nlp_lstm.tasks.forecast:Forecast",
    "joint": "nlp_lstm.tasks.joint:Joint",
    "lags": "nlp_lstm.tasks.lags:Lags",
}
"""Every task of ours by name: where its class stands. It is imported when the task is used, because it brings torch.
Another package adds one by an entry point of the group `nlp_lstm.tasks`."""


def find_task(name: str) -> type[Task]:
    """Return the class of a task, one of ours or of another package.

    Raises:
        UsageError: there is no such task, or the other package's cannot be imported.
    """
    if name in TASKS:
        module, attribute = TASKS[name].split(":")
        found: type[Task] = getattr(import_module(module), attribute)
        return found
    outside: type[Task] | None = plugins.find_outside(plugins.TASKS, name)
    if outside is None:
        raise UsageError(f"no task {name!r}{plugins.nearest_of(plugins.TASKS, name, list(TASKS))}")
    return outside
