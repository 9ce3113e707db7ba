"""A terminal for the tests: a pty, and behind it an emulator that knows what stands on the screen.

    with Terminal(columns=80, rows=24) as terminal:
        process = guard.spawn(profile, stderr=terminal.follower, raw=True, env=terminal.env)
        terminal.wait_for("WAIT      redis.cache")
        ...
        assert terminal.text() == ...

Terminals disagree about what becomes of long lines when the window changes: with reflows=True they are wrapped anew, as
most do it today, with False they are cut, as xterm does.
"""

import fcntl
import os
import re
import struct
import termios
import threading
import time

import pyte
import pytest

from harness import TIME_SCALE

DRAWING = b"\x1b[J"  # stands once in each drawing of the live view, and at its end
PARKED = re.compile(rb"(?:\r(?:\x1b\[\d+A)?|\n)\Z")  # how a drawing and a line end: nothing is half written
OURS = re.compile(rb"(?:[^\x00-\x1f\x7f]|\r\n|\r|\x1b\[\d*A|\x1b\[[JK]|\x1b\[[\d;]*m)*")  # all that may be sent


class Screen(pyte.HistoryScreen):
    """pyte's screen, which also remembers which rows go on in the next one, and resizes as terminals do."""

    def __init__(self, columns, rows, reflows):
        self.reflows = reflows
        self._wraps = False
        super().__init__(columns, rows, history=10_000, ratio=0.5)

    def draw(self, data):
        self._wraps = True
        super().draw(data)
        self._wraps = False

    def linefeed(self):
        self.buffer[self.cursor.y].wrapped = self._wraps
        super().linefeed()

    def erase_in_display(self, how=0, *args, **kwargs):
        super().erase_in_display(how, *args, **kwargs)
        for y in range(self.cursor.y, self.lines):
            self.buffer[y].wrapped = False

    def rows(self):
        """All rows from the beginning on, as (cells, goes on in the next)."""
        lines = [*self.history.top, *(self.buffer[y] for y in range(self.lines))]
        return [([line[x] for x in range(self.columns)], getattr(line, "wrapped", False)) for line in lines]

    def text(self):
        """All lines as they were sent, without the empty ones at the end."""
        lines, open_ = [], False
        for cells, wrapped in self.rows():
            piece = "".join(cell.data for cell in cells)
            lines[-1:] = [lines[-1] + piece] if open_ else [*lines[-1:], piece]
            open_ = wrapped
        return "\n".join(line.rstrip() for line in lines).rstrip("\n")

    def resize(self, lines=None, columns=None):
        blank = self.default_char
        rows, at = self.rows(), len(self.history.top) + self.cursor.y
        used = max([at, *(i for i, (cells, _) in enumerate(rows) if any(c != blank for c in cells))]) + 1
        rows = [(row[:columns], wrapped) for row, wrapped in rows[:used]]
        if self.reflows:
            rows, at = _wrapped_anew([r for r, _ in self.rows()[:used]], [w for _, w in rows], at, columns, blank)
        cursor_x = min(self.cursor.x, columns - 1)
        self.history.top.clear()
        super().resize(lines, columns)
        self.buffer.clear()
        # The end is in sight, unless the cursor would not be.
        top = min(max(0, len(rows) - lines), at)
        for i, (row, wrapped) in enumerate(rows[: top + lines]):
            line = pyte.screens.StaticDefaultDict(blank)
            line.update(enumerate(row))
            line.wrapped = wrapped
            if i < top:
                self.history.top.append(line)
            else:
                self.buffer[i - top] = line
        self.cursor.x, self.cursor.y = cursor_x, at - top


def _wrapped_anew(rows, wrapped, at, columns, blank):
    """Rows cut into others of `columns` cells; and where the row `at` (the beginning of a line) is then."""
    result, line = [], []
    for i, row in enumerate(rows):
        if i == at:
            now = len(result)
        line += row
        if wrapped[i]:
            continue
        while line and line[-1] == blank:
            line.pop()
        pieces = [line[x : x + columns] for x in range(0, len(line), columns)] or [[]]
        result += [(piece + [blank] * (columns - len(piece)), k + 1 < len(pieces)) for k, piece in enumerate(pieces)]
        line = []
    return result, now


class Terminal:
    """.follower (descriptor for stderr) .env .data (bytes so far) .drawings (number so far)

    With stopped=True nothing is taken from it until go_on(), as after Ctrl-S.
    """

    def __init__(self, columns=80, rows=24, reflows=True, term="xterm", stopped=False):
        self._stopped = stopped
        self.env = {"TERM": term}
        self.data = b""
        self.screen = Screen(columns, rows, reflows)
        self._stream = pyte.ByteStream(self.screen)
        self._changed = threading.Condition()
        self.leader, self.follower = os.openpty()
        self._set_size(columns, rows)
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        if not self._stopped:
            self._thread.start()
        return self

    def go_on(self):
        self._thread.start()

    def __exit__(self, *_):
        self.close()
        self._thread.join(5 * TIME_SCALE)
        os.close(self.leader)

    def close(self):
        """Nobody but startguard holds the terminal any more; waits until all has been read."""
        if self.follower is not None:
            os.close(self.follower)
            self.follower = None

    def _set_size(self, columns, rows):
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self):
        while True:
            try:
                piece = os.read(self.leader, 65536)
            except OSError:  # a terminal nobody holds open any more
                return
            if not piece:
                return
            with self._changed:
                self.data += piece
                self._stream.feed(piece)
                self._changed.notify_all()

    @property
    def drawings(self):
        return self.data.count(DRAWING)

    def resize(self, columns, rows):
        with self._changed:
            self.screen.resize(rows, columns)
            self._set_size(columns, rows)

    def type(self, keys):
        os.write(self.leader, keys.encode())

    def rows(self):
        """What stands on the screen now."""
        with self._changed:
            return [row.rstrip() for row in self.screen.display]

    def text(self):
        """Everything since the beginning that has not been taken off the screen."""
        with self._changed:
            return self.screen.text()

    def wait_until(self, holds, what, timeout=20):
        """Waits until holds(self) is true of a screen between two drawings; gives its rows."""
        deadline = time.monotonic() + timeout * TIME_SCALE
        with self._changed:
            while not (PARKED.search(self.data) and holds(self)):
                if not self._changed.wait(max(0, min(1, deadline - time.monotonic()))) and time.monotonic() >= deadline:
                    pytest.fail(f"the screen never had {what}:\n" + "\n".join(self.screen.display))
            return [row.rstrip() for row in self.screen.display]

    def wait_for(self, words, timeout=20):
        return self.wait_until(lambda t: words in t.screen.text(), repr(words), timeout)

    def end(self):
        """To be called when startguard has ended: reads the rest, gives text()."""
        self.close()
        self._thread.join(10 * TIME_SCALE)
        assert not self._thread.is_alive(), "a process left behind holds the terminal"
        assert OURS.fullmatch(self.data), f"other bytes than text and our own sequences: {self.data!r}"
        return self.text()
