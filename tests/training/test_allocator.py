from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

from nlp_lstm.training import allocator


def library(monkeypatch, **functions):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(**functions))


def test_both_thresholds_are_raised(monkeypatch):
    calls = []
    library(monkeypatch, mallopt=lambda option, value: calls.append((option, value)) or 1)
    assert allocator.keep_freed_memory() is True
    assert calls == [(-3, 2**30), (-1, 2**31 - 1)]  # as malloc.h numbers them; an int holds no more


def test_a_refusal_is_told(monkeypatch):
    library(monkeypatch, mallopt=lambda option, value: 0)
    assert allocator.keep_freed_memory() is False


def test_elsewhere_nothing_is_done(monkeypatch):
    library(monkeypatch)
    assert allocator.keep_freed_memory() is False
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocator.keep_freed_memory() is False
