"""Keeps the parts of the product running: starts them in order, restarts what dies or is silent, stops them in order.

It is one loop around `select`: nothing in it waits for a single child, so none can hold up the others.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from app.observability.logging import READY
from app.runtime.child import Backoff, Child, Component
from app.runtime.console import Console, entry_of

_PROBE_SECONDS = 0.05
_IDLE_SECONDS = 1.0
# What has stopped working has little to finish: when it is replaced, its steps come faster by that.
_HASTE = 2


class _Post:
    """A component, and the child that does its work now, if one does."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self.name = component.name
        self.child: Child | None = None
        self.ready_at: float | None = None
        self.restart_at: float | None = None
        self.backoff = Backoff()
        self.replaced_since: float | None = None
        self._sent = 0

    @property
    def ready(self) -> bool:
        """Whether the child works, or what runs once is done."""
        return self.ready_at is not None

    @property
    def done(self) -> bool:
        """Whether there is nothing left to run."""
        return self.component.once and self.ready

    def send_stop_signal(self, waited: float, hurry: int) -> None:
        """Send the signal that it is time for, once; each step of hurry brings the next one forward."""
        signals = self.component.stop_signals
        step = max(sum(after <= waited for after, _ in signals), 1 + hurry)
        step = min(step, len(signals))
        if self.child and step > self._sent:
            self.child.send(signals[step - 1][1])
            self._sent = step

    def lay_down(self) -> None:
        """Forget the child, which has ended, and how it was told to."""
        self.child, self.ready_at, self.replaced_since, self._sent = None, None, None, 0


class Supervisor:
    """Runs components until SIGTERM, SIGINT or SIGHUP; each further signal hastens the stop by one step."""

    def __init__(
        self,
        components: Sequence[Component],
        console: Console,
        *,
        all_ready: Callable[[], None],
        silent: Callable[[Mapping[str, int]], Mapping[str, str]] = lambda _running: {},
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`silent` tells which of the running parts, given with their process ids, have stopped working, and why."""
        self._posts = [_Post(component) for component in components]
        self._console = console
        self._all_ready = all_ready
        self._silent = silent
        self._now = now
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0
        self._failed = False

    def run(self) -> int:
        """Run everything. Answers 0 after a stop that was asked for, 1 if a part that runs once has failed.

        Call it from the main thread: signals arrive there, and children are tied to the life of the thread that starts
        them.
        """
        with self._woken_by_signals():
            self._start_and_watch()
            self._stop()
        return 1 if self._failed else 0

    def _start_and_watch(self) -> None:
        turns = sorted({post.component.start_turn for post in self._posts})
        turn = turns.pop(0)
        announced = False
        while not (self._stop_requests or self._failed):
            self._start(post for post in self._posts if post.component.start_turn <= turn)
            self._listen()
            self._bury()
            self._probe()
            self._replace()
            if not announced and all(post.ready for post in self._posts if post.component.start_turn <= turn):
                if turns:
                    turn = turns.pop(0)
                else:
                    announced = True
                    self._all_ready()

    def _start(self, posts: Iterable[_Post]) -> None:
        for post in posts:
            too_early = post.restart_at is not None and post.restart_at > self._now()
            if post.child or post.done or too_early:
                continue
            post.restart_at = None
            try:
                post.child = Child(post.component, self._now())
            except OSError as error:  # no memory, no process to be had, no such program
                self._try_later(post, 0.0, error.strerror or type(error).__name__)
            else:
                self._selector.register(post.child, selectors.EVENT_READ, post)

    def _listen(self) -> None:
        """Wait until something happens, and print what has been written."""
        for key, _ in self._selector.select(self._patience()):
            if key.data is None:
                os.read(key.fd, 4096)
                continue
            lines, more = key.data.child.read()
            self._print(key.data, lines)
            if not more:
                self._selector.unregister(key.fileobj)

    def _patience(self) -> float:
        if any(post.child and not post.ready and post.component.probe for post in self._posts):
            return _PROBE_SECONDS
        waits = [post.restart_at - self._now() for post in self._posts if post.restart_at is not None]
        return max(0.0, min([*waits, _IDLE_SECONDS]))

    def _print(self, post: _Post, lines: Iterable[str]) -> None:
        for line in lines:
            if f'"{READY}"' not in line:
                self._console.relay(post.name, line)
            elif post.component.probe is None and not post.ready:
                self._now_ready(post, str(entry_of(line).get("where", post.component.where)))

    def _bury(self) -> None:
        """See to the children that have ended."""
        for post in self._posts:
            code = post.child.ended() if post.child else None
            if post.child is None or code is None:
                continue
            self._print(post, post.child.last_lines())
            if post.child in self._selector.get_map():
                self._selector.unregister(post.child)
            post.child.close()
            worked = 0.0 if post.ready_at is None else self._now() - post.ready_at
            post.lay_down()
            if self._stop_requests or self._failed:
                self._console.say(post.name, "component_stopped", f"stopped ({_cause(code)})", cause=_cause(code))
            elif not post.component.once:
                self._try_later(post, worked, _cause(code))
            elif code == 0:
                post.ready_at = self._now()
            else:
                self._failed = True
                self._console.say(
                    post.name, "component_failed", f"failed ({_cause(code)})", level="ERROR", cause=_cause(code)
                )

    def _try_later(self, post: _Post, worked: float, cause: str) -> None:
        wait = post.backoff.after(worked)
        post.restart_at = self._now() + wait
        words = f"died ({cause}), starts again in {wait:g} s"
        self._console.say(post.name, "component_died", words, level="ERROR", cause=cause, restart_seconds=wait)

    def _probe(self) -> None:
        for post in self._posts:
            if post.child and not post.ready and post.component.probe and post.component.probe():
                self._now_ready(post, post.component.where)

    def _replace(self) -> None:
        """Stop the parts that live and do not work, step by step; they are started again like any that died."""
        running = {
            post.name: post.child.pid
            for post in self._posts
            if post.child and post.ready and post.component.beats and post.replaced_since is None
        }
        silent = self._silent(running) if running else {}
        for post in self._posts:
            if why := silent.get(post.name):
                post.replaced_since = self._now()
                self._console.say(post.name, "component_silent", f"is replaced: {why}", level="ERROR", cause=why)
            if post.replaced_since is not None:
                post.send_stop_signal((self._now() - post.replaced_since) * _HASTE, 0)

    def _now_ready(self, post: _Post, where: str) -> None:
        post.ready_at = self._now()
        seconds = round(self._now() - post.child.started, 2) if post.child else 0.0
        self._console.say(post.name, READY, f"{where}  (ready in {seconds:.1f} s)", where=where, seconds=seconds)

    def _stop(self) -> None:
        began, hurry_from = self._now(), max(self._stop_requests, 1)
        for post in self._posts:
            post.restart_at = None
        self._console.say("main", "stopping", "stopping; ask again to hasten it")
        for turn in sorted({post.component.stop_turn for post in self._posts}):
            posts = [post for post in self._posts if post.component.stop_turn == turn]
            turn_began = self._now()
            while any(post.child for post in posts):
                for post in posts:
                    post.send_stop_signal(self._now() - turn_began, self._stop_requests - hurry_from)
                self._listen()
                self._bury()
        seconds = round(self._now() - began, 2)
        self._console.say("main", "stopped", f"stopped in {seconds:.1f} s", seconds=seconds)

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Count the signals that ask for a stop, and let every signal, also of a child's end, end the waiting."""
        wake, ring = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(ring, False)
        self._selector.register(wake, selectors.EVENT_READ, None)
        heeded = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants the terminal's end to be ignored
            heeded.append(signal.SIGHUP)
        handlers = {number: signal.signal(number, self._count) for number in heeded}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        before = signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(wake)
            os.close(ring)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1


def _cause(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
