"""What every test stands on: real data when there is some, and untouched global randomness."""

import os
import sys
from pathlib import Path

# Read by scipy when it is first imported; adds scikit-learn's array API checks to its battery.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import pytest

GLOBAL_STATE = pytest.StashKey[dict[str, bytes]]()


@pytest.fixture(scope="session")
def data_directory():
    """Folder of real sets named by DIABOLO_DATA; the test is skipped where none is named."""
    named = os.environ.get("DIABOLO_DATA")
    if not named:
        pytest.skip(
            "needs real data: set DIABOLO_DATA to a folder that holds mnist/ and the others"
        )
    folder = Path(named)
    if not folder.is_dir():  # someone expected the data: skipping would hide that they are missing
        pytest.fail(f"DIABOLO_DATA names {named!r}, which is not a folder")
    return folder


@pytest.fixture
def steps(monkeypatch):
    """How many steps of training were made."""
    from diabolo.engine.players import Seat  # imports torch, which most of these tests do not need

    made = []
    step = Seat.differentiate
    monkeypatch.setattr(Seat, "differentiate", lambda *args: made.append(1) or step(*args))
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "data_directory" in getattr(item, "fixturenames", ()):
            item.add_marker("data")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    # Here rather than in a fixture, to see also what module-wide fixtures do.
    item.stash[GLOBAL_STATE] = global_random_state()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    after = global_random_state()
    moved = [name for name, state in item.stash[GLOBAL_STATE].items() if after[name] != state]
    if moved:
        pytest.fail(
            f"The global random state of {' and '.join(moved)} changed during this test. "
            "Draw from an explicit generator instead.",
            pytrace=False,
        )
    return result


def global_random_state():
    """Global generators' states by library, of those imported so far (importing torch is slow)."""
    states = {}
    if numpy := sys.modules.get("numpy"):
        _, keys, position, has_gauss, gauss = numpy.random.get_state()
        states["numpy"] = keys.tobytes() + repr((position, has_gauss, gauss)).encode()
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states
