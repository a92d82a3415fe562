"""A first signal is a wish to stop, a second one acts."""

from __future__ import annotations

import signal
import threading

import pytest

from nlp_lstm.errors import Interrupted, NlpLstmError
from nlp_lstm.training.interrupts import catch_signals

WATCHED = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers():
    """Whatever a test does, the handlers of the test run come back."""
    before = [signal.getsignal(number) for number in WATCHED]
    yield before
    for number, handler in zip(WATCHED, before, strict=True):
        signal.signal(number, handler)


def test_nothing_is_asked_for_until_a_signal_comes():
    with catch_signals() as stopped:
        assert stopped() is None


@pytest.mark.parametrize("number", WATCHED)
def test_the_first_signal_is_noted(number):
    with catch_signals() as stopped:
        signal.raise_signal(number)
        assert stopped() == number
        assert stopped() == number


def test_a_second_ctrl_c_acts_at_once():
    with catch_signals() as stopped, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
        assert stopped() == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("signalled", [False, True])
def test_the_handlers_there_were_come_back(signalled, handlers):
    noted = []
    signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
    mine = signal.getsignal(signal.SIGTERM)
    with catch_signals():
        assert signal.getsignal(signal.SIGTERM) is not mine
        if signalled:
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is mine
    assert signal.getsignal(signal.SIGINT) is handlers[0]
    assert noted == []


def test_outside_the_main_thread_no_handler_is_touched(handlers):
    found = []

    def work() -> None:
        with catch_signals() as stopped:
            found.append((stopped(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(None, handlers[0])]


@pytest.mark.parametrize(("number", "code", "name"), [(2, 130, "SIGINT"), (15, 143, "SIGTERM")])
def test_an_interruption_ends_with_the_code_a_shell_expects(number, code, name):
    error = Interrupted(number)
    assert isinstance(error, NlpLstmError)
    assert error.exit_code == code
    assert name in str(error) and "same line again" in str(error)
