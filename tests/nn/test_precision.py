"""Which number format is chosen, and that it is in force inside the context only."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from nlp_lstm.nn import precision
from nlp_lstm.nn.precision import cpu_has_bfloat16, mixed_precision

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh_answer():
    """Forget what the processor answered, before a test and after it."""
    cpu_has_bfloat16.cache_clear()
    yield
    cpu_has_bfloat16.cache_clear()


@pytest.fixture
def bfloat16_processor(monkeypatch):
    """Pretend that the processor has the instructions, so that only the kernel is left to ask."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)


def product_dtype() -> torch.dtype:
    return (torch.ones(2, 3) @ torch.ones(3, 5)).dtype


def test_float32_and_bfloat16_are_what_they_say():
    with mixed_precision(CPU, "float32"):
        assert product_dtype() == torch.float32
    with mixed_precision(CPU, "bfloat16"):
        assert product_dtype() == torch.bfloat16
    assert product_dtype() == torch.float32


def test_float32_holds_inside_an_outer_bfloat16():
    with mixed_precision(CPU, "bfloat16"):
        with mixed_precision(CPU, "float32"):
            assert product_dtype() == torch.float32
        assert product_dtype() == torch.bfloat16


@pytest.mark.parametrize("fast", [False, True])
def test_auto_on_a_cpu_takes_what_the_cpu_is_fast_in(fast, monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: fast)
    with mixed_precision(CPU, "auto"):
        assert product_dtype() == (torch.bfloat16 if fast else torch.float32)


def test_bfloat16_is_refused_where_the_processor_lacks_it(monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: False)
    with pytest.raises(ValueError, match="no bfloat16 instructions"):
        mixed_precision(CPU, "bfloat16")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("setting", ["float32", "bfloat16", "auto"])
def test_a_gpu_honours_each_setting(setting):
    fast = setting == "bfloat16" or (setting == "auto" and torch.cuda.is_bf16_supported())
    with mixed_precision(torch.device("cuda"), setting):
        ours = torch.ones(2, 3, device="cuda") @ torch.ones(3, 5, device="cuda")
    assert ours.dtype == (torch.bfloat16 if fast else torch.float32)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="bf16"):
        mixed_precision(CPU, "bf16")


def test_the_answer_for_this_processor_is_a_bool_and_then_the_kernel_runs():
    answer = cpu_has_bfloat16()
    assert answer is True or answer is False
    if answer:
        layer = torch.nn.LSTM(3, 5)
        with torch.inference_mode(), mixed_precision(CPU, "auto"):
            assert layer(torch.zeros(2, 1, 3))[0].dtype == torch.bfloat16


@pytest.mark.parametrize("error", [RuntimeError("could not create a primitive"), NotImplementedError("no kernel")])
def test_a_kernel_that_refuses_means_no(error, bfloat16_processor, monkeypatch):
    def refuse(*arguments):
        raise error

    monkeypatch.setattr(torch, "lstm", refuse)
    assert cpu_has_bfloat16() is False


def test_a_kernel_that_runs_means_yes(bfloat16_processor, monkeypatch):
    monkeypatch.setattr(torch, "lstm", lambda *arguments: arguments)
    assert cpu_has_bfloat16() is True


def test_a_processor_without_the_instructions_means_no(monkeypatch, bfloat16_processor):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert cpu_has_bfloat16() is False


def test_a_torch_built_without_onednn_means_no(monkeypatch):
    # Builds for other processors leave oneDNN out, and with it the operator that would answer.
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert cpu_has_bfloat16() is False
