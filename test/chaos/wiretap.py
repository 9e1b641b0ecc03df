"""What happens to the frames on their way to a reader: a rule for all proxies of a place, and an action at one frame."""

import threading
from collections.abc import Callable, Iterable

Rule = Callable[[bytes], Iterable[bytes] | None]

# An advisory of a fault that waits in a proxy must not outlive its read.
HELD_SECONDS = 20


def pass_on(frame: bytes) -> list[bytes]:
    return [frame]


class Wiretap:
    """The rule of a place's proxies. `arm` sets it for one read; `reached` says whether the frame of its action came."""

    def __init__(self):
        self._lock, self._acting, self._ruling = threading.Lock(), threading.Lock(), threading.Lock()
        self._open = threading.Event()
        self.disarm()

    def disarm(self) -> None:
        """Frames pass; who is held goes on. An action or a rule that has begun is waited for."""
        self._open.set()
        with self._acting, self._ruling, self._lock:
            self._rule: Rule = pass_on
            self._count = 0
            self._at = 0
            self._action: Callable[[], None] = lambda: None
            self.reached = False
            self.failed: BaseException | None = None

    def arm(self, at: int = 0, action: Callable[[], None] = lambda: None, rule: Rule = pass_on) -> None:
        """At frame number `at` (from 1) the action runs while that frame waits; every frame passes through the rule."""
        with self._lock:
            self._rule, self._at, self._action, self._count = rule, at, action, 0

    def hold(self) -> None:
        """Nothing passes, either way, until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def frame(self, frame: bytes) -> Iterable[bytes] | None:
        """The rule that the proxies are given."""
        self._open.wait(HELD_SECONDS)
        with self._lock:
            self._count += 1
            due = self._count == self._at
            if due:
                self.reached = True
                self._acting.acquire()
        if due:
            try:
                self._action()
            except BaseException as error:
                self.failed = error
            finally:
                self._acting.release()
        with self._ruling:
            return self._rule(frame)

    def wait(self) -> tuple[bool, BaseException | None]:
        """Whether the frame of the action came, and how the action failed, once it has ended."""
        self._open.set()
        with self._acting:
            return self.reached, self.failed

    def sent(self, _: bytes) -> None:
        """What clients send waits as well."""
        self._open.wait(HELD_SECONDS)
