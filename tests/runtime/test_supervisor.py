"""What `leeway up` does about processes that come, go, and refuse to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leeway.runtime.child import Child
from leeway.runtime.supervisor import GaveUp, Interrupt, Interrupted, Supervisor
from tests.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]
SERVE = "; os.write(int(os.environ['LEEWAY_READY_FD']), b'ready\\n'); time.sleep(600)"
WAIT = (
    "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), os._exit(0)))" + SERVE
)
DEAF = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SERVE


class Told(list[tuple[str, str]]):
    def tell(self, name: str, sentence: str) -> None:
        self.append((name, sentence))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def supervisor(told: Told) -> Iterator[Supervisor]:
    made = Supervisor(dict(os.environ), told.tell)
    yield made
    for watch in made._watches.values():
        watch.child.signal(signal.SIGKILL)


def child(supervisor: Supervisor, name: str, program: str, lines: list[str] | None = None) -> Child:
    def line(_: str, text: str) -> None:
        if lines is not None:
            lines.append(text)

    return Child(name, [sys.executable, "-c", program], supervisor.hear, line)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_it_stops_in_order_and_hears_the_last_words(supervisor: Supervisor) -> None:
    lines: list[str] = []
    children = [child(supervisor, name, WAIT.replace("bye", f"bye {name}"), lines) for name in ("a", "b", "c")]
    serving: list[str] = []
    supervisor.start(children, lambda name, _: serving.append(name))
    assert sorted(serving) == ["a", "b", "c"]
    supervisor.hear(Interrupt(2))
    supervisor.watch()
    supervisor.stop([["c"], ["a"], ["b"]])
    assert lines == ["bye c", "bye a", "bye b"]


def test_a_process_that_dies_is_started_again(supervisor: Supervisor, told: Told) -> None:
    one = child(supervisor, "one", WAIT)
    supervisor.start([one], lambda *_: None)
    first = one.pid
    assert first
    os.kill(first, signal.SIGKILL)

    def tell(name: str, sentence: str) -> None:
        told.tell(name, sentence)
        if "is back" in sentence:
            supervisor.hear(Interrupt(2))

    supervisor.tell = tell
    supervisor.watch()
    assert [sentence.split(" after")[0] for _, sentence in told] == [
        "died with signal SIGKILL; starting it again in 0.5 s",
        "is back",
    ]
    assert one.pid != first


def test_its_own_children_die_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    spawn = f"import subprocess; p = subprocess.Popen(['sleep', '600']); open({str(note)!r}, 'w').write(str(p.pid)); "
    one = child(supervisor, "one", spawn + WAIT)
    supervisor.start([one], lambda *_: None)
    grandchild = int(note.read_text())
    assert alive(grandchild)
    supervisor.stop([["one"]])
    assert eventually(lambda: not alive(grandchild))


def test_it_gives_up_on_a_process_that_dies_at_once_every_time(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leeway.runtime.supervisor.BACKOFF_FIRST_S", 0.01)
    one = child(supervisor, "one", "print('what a pity'); raise SystemExit(3)")
    with pytest.raises(GaveUp) as caught:
        supervisor.start([one], lambda *_: None)
    assert str(caught.value) == "one died 5 times in a row, now with status 3\n  what a pity"
    assert caught.value.status == 1


def test_a_mistake_in_the_settings_is_told_at_once(supervisor: Supervisor) -> None:
    one = child(supervisor, "one", "print('leeway: LEEWAY_X is 1; it must be 2'); raise SystemExit(2)")
    with pytest.raises(GaveUp) as caught:
        supervisor.start([one], lambda *_: None)
    assert str(caught.value) == "one: LEEWAY_X is 1; it must be 2"
    assert caught.value.status == 2


def test_a_stop_while_starting_is_heard(supervisor: Supervisor) -> None:
    supervisor.hear(Interrupt(15))
    with pytest.raises(Interrupted):
        supervisor.start([child(supervisor, "one", "import time; time.sleep(600)")], lambda *_: None)


def test_a_second_interrupt_kills_what_does_not_stop(supervisor: Supervisor, told: Told) -> None:
    deaf, good = child(supervisor, "deaf", DEAF), child(supervisor, "good", WAIT)
    supervisor.start([deaf, good], lambda *_: None)
    supervisor.hear(Interrupt(2))
    supervisor.stop([["deaf"], ["good"]])
    assert ("deaf", "did not stop in time and is killed") in told
    assert not alive(deaf.pid or 0)
    assert not alive(good.pid or 0)


def test_children_stop_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """With the real lifeline: the store, supervised by a process that gets SIGKILL."""
    note = tmp_path / "pid"
    program = f"""
import os, sys, time
from leeway.runtime.child import Child
from leeway.runtime.supervisor import Supervisor
s = Supervisor(dict(os.environ), print)
c = Child("store", [sys.executable, "-m", "leeway.runtime", "store"], s.hear, lambda *_: None)
s.start([c], lambda *_: None)
open({str(note)!r}, "w").write(str(c.pid))
s.watch()
"""
    environment = {**os.environ, "LEEWAY_DATA": str(tmp_path / "data"), "LEEWAY_STORE_PORT": "0"}
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    try:
        assert eventually(lambda: note.exists() and bool(note.read_text()), 60)
        store = int(note.read_text())
        assert alive(store)
    finally:
        parent.kill()
        parent.wait()
    assert eventually(lambda: not alive(store), 60)
