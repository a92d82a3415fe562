"""What is predicted: one module a task, each on the shared encoder, and the one table of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nlp_lstm.errors import UsageError, nearest

if TYPE_CHECKING:
    from nlp_lstm.tasks.task import Task

TASKS = {
    "classify": "nlp_lstm.tasks.classify:Classify",
    "tag": "nlp_lstm.tasks.tag:Tag",
    "translate": "nlp_lstm.tasks.translate:Translate",
    "generate": "nlp_lstm.tasks.generate:Generate",
}
"""Every task by name: where its class stands. It is imported when the task is used, because it brings torch."""


def find_task(name: str) -> type[Task]:
    """Return the class of a task.

    Raises:
        UsageError: there is no such task.
    """
    if name not in TASKS:
        raise UsageError(f"no task {name!r}{nearest(name, TASKS)}")
    module, attribute = TASKS[name].split(":")
    found: type[Task] = getattr(import_module(module), attribute)
    return found
