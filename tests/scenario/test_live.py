"""The live view: what stands on a terminal while it runs, and what is left there."""

import contextlib
import re
import signal
import time

import pytest
from terminal import Terminal

from fakes.http import HttpServer, Reply
from fakes.tcp import TcpServer, refused_port, silent

VARIES = [
    (r"· \d+m?s\n", "· SPAN\n"),
    (r"\d+(\.\d+)? (ms|s|min)\b", "T"),
    (r" \(\d+ attempts\)", ""),
    (r"\b\d+ x ", "N x "),
    (r"  +", " "),
]
GOES_ON = re.compile(r"\n +(?!(?:reached|cause|hint|seen|lost): )")  # a line that was broken between two words


def blocks(text):
    """The lines of a text, those that belong together as one, without what differs from run to run, in a fixed order."""
    text = GOES_ON.sub(" ", text)
    for pattern, replacement in VARIES:
        text = re.sub(pattern, replacement, text)
    found = []
    for line in text.splitlines():
        found[-1:] = [found[-1] + "\n" + line] if line.startswith(" ") and found else [*found[-1:], line]
    return sorted(found)


def plain(text):
    """The text of a pipe without what a terminal has in its view."""
    lines = GOES_ON.sub(" ", text).splitlines()
    return "\n".join(one for one in lines if not one.startswith(("WAIT ", "startguard: waiting since")))


def waits(rows):
    return [row.split()[1] for row in rows if row.startswith("WAIT ")]


@pytest.fixture
def world():
    """A profile with checks that pass, that wait for different reasons, and that come after others."""
    with TcpServer(silent) as never, HttpServer({"*": Reply(body="fine")}) as http:
        yield f"""startguard = 1; service = "world"; timeout = "%s";
            file: {{ here: {{ path = "/"; }}; soon: {{ path = "soon"; }}; }};
            tcp: {{ refused: {{ address = "127.0.0.1:{refused_port()}"; }}; later: {{ address = "127.0.0.1:1"; after = ["file.soon"]; }}; }};
            http: {{ fine: {{ url = "{http.url}/"; }};
                     silent: {{ url = "http://{never.address}/{"long-" * 30}"; }}; }};"""


WAITING = ["file.soon", "tcp.refused", "tcp.later", "http.silent"]


@contextlib.contextmanager
def running(guard, profile, *options, columns=80, rows=24, reflows=True, env={}, seconds=20, **more):
    """Gives terminal and process, and kills the process at the end."""
    text = profile % guard.span(seconds) if "%s" in profile else profile
    with Terminal(columns, rows, reflows) as terminal:
        with guard.spawn(text, *options, stderr=terminal.follower, raw=True, env={**terminal.env, **env}, **more) as process:
            yield terminal, process


@contextlib.contextmanager
def beside(guard, profile, seconds=2):
    """What a pipe gets for the same profile, run at the same time: call it for the text's blocks."""
    with guard.spawn(profile % guard.span(seconds)) as process:
        yield lambda: blocks(plain(process.result().err))


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_one_line_for_each_check_that_goes(guard, world, columns):
    with beside(guard, world) as expected, running(guard, world, columns=columns, seconds=2) as (terminal, process):
        rows = terminal.wait_until(lambda t: len(waits(t.screen.display)) == 4 and t.drawings > 1, "a line for each")
        view = rows.index(next(row for row in rows if row.startswith("WAIT ")))
        assert waits(rows) == WAITING  # in the order of the profile
        assert all(row.startswith("WAIT ") for row in rows[view : view + 4])  # none took two rows
        assert not any(rows[view + 4 :])
        assert terminal.text().startswith("startguard ")
        assert process.result().code == 124
        assert blocks(terminal.end()) == expected()


@pytest.mark.parametrize("columns", [40, 80])
def test_nothing_is_broken_or_cut_in_a_word(guard, columns):
    """The rows of settled lines end with words, those of the view with "…"."""
    with TcpServer(silent) as never:
        text = f"""startguard = 1; service = "words"; timeout = "%s";
            file: {{ here: {{ path = "/etc/hostname"; type = "directory"; required = false;
                             degraded = "the {"directory " * 12}is missing"; }}; }};
            tcp: {{ a: {{ address = "127.0.0.1:{refused_port()}"; }}; }};
            http: {{ silent: {{ url = "http://{never.address}/{"long-" * 30}"; }}; }};"""
        with running(guard, text, columns=columns, seconds=1) as (terminal, process):
            rows = terminal.wait_until(lambda t: "http.silent" in waits(t.screen.display), "the view")
            head = next(i for i, row in enumerate(rows) if row.startswith("waiting: 0 of 3 passed"))
            assert " left" in rows[head] or rows[head].endswith("…")
            assert [row.split()[1] for row in rows[head + 1 :] if row] == ["tcp.a", "http.silent"]
            assert all(row.endswith("…") for row in rows[head + 1 :] if "http.silent" in row)
            assert process.result().code == 124
            words = set(" ".join(terminal.end().splitlines()).split())
        words -= {word for word in words if len(word) > columns}
        with guard.spawn(text % guard.span(1)) as process:
            expected = set(process.result().err.split())
    known = re.compile(r"[0-9.]+|\(?\d+")
    assert {word for word in words - expected if not known.fullmatch(word)} == set()


def test_the_verdict_names_every_required_check_that_failed(guard):
    text = """startguard = 1; timeout = "%s";
        file: { a: { path = "/nowhere/a"; retry = false; }; b: { path = "/nowhere/b"; retry = false; };
                c: { path = "/nowhere/c"; retry = false; required = false; degraded = "no c"; }; };
        env: { d: { required = ["STARTGUARD_NOWHERE"]; }; };"""
    result = guard.run(text % guard.span(5))
    last = result.err.splitlines()[-1]
    assert "file.a: file-missing: " in last
    assert last.endswith("; 3 of 4 checks failed, 1 degraded; too: file.b (file-missing), env.d (env-missing)"), last


def test_a_verdict_with_hundreds_of_failures_stays_a_line(guard):
    checks = " ".join(f'{"c" * 40}{i}: {{ path = "/nowhere"; retry = false; }};' for i in range(100))
    last = guard.run(f'startguard = 1; timeout = "{guard.span(20)}"; file: {{ {checks} }};').err.splitlines()[-1]
    assert re.search(r"; 100 of 100 checks failed; too: .*\(file-missing\) and \d+ more$", last), last
    assert len(last) <= 2048


def test_the_view_follows_what_happens(guard, world):
    with running(guard, world) as (terminal, process):
        terminal.wait_until(lambda t: waits(t.screen.display) == WAITING, "all four")
        assert re.search(r"^WAIT +tcp\.later +comes after file\.soon$", terminal.text(), re.M)
        terminal.wait_until(lambda t: re.search(r"^WAIT +http\.silent +[0-9.]+ m?s  \S", t.screen.text(), re.M), "its step")
        guard.write("soon", "")
        terminal.wait_until(lambda t: "file.soon" not in waits(t.screen.display), "one less")
        assert re.search(r"^PASS +file\.soon ", terminal.text(), re.M)
        terminal.wait_until(
            lambda t: re.search(r"^WAIT +tcp\.later +.*connect-refused", t.screen.text(), re.M), "the one after it"
        )
        process.terminate()
        assert process.result().code == 143


def test_the_clock_goes_on_and_nothing_else_draws(guard):
    """One check that hangs: a drawing a second for the clock, and few others."""
    with TcpServer(silent) as never:
        text = (
            f'startguard = 1; timeout = "%s"; http: {{ a: {{ url = "http://{never.address}/"; attempt_timeout = "60s"; }}; }};'
        )
        with running(guard, text, seconds=60) as (terminal, process):
            terminal.wait_until(lambda t: re.search(r"http\.a +[2-9]\.\d s", t.screen.text()), "two seconds")
            drawings = terminal.drawings
            process.terminate()
            result = process.result()
    assert 3 <= drawings <= 4 + result.elapsed  # begin, first step, and the clock


def test_at_most_ten_drawings_a_second(guard):
    """Forty checks that try again and again, hundreds of attempts a second."""
    port = refused_port()
    checks = " ".join(f'c{i:02}: {{ address = "127.0.0.1:{port}"; }};' for i in range(40))
    with running(guard, f'startguard = 1; timeout = "%s"; tcp: {{ {checks} }};', rows=50, seconds=1) as (terminal, process):
        result = process.result()
        terminal.end()
        assert len(waits(terminal.rows())) == 0
    assert 3 <= terminal.drawings <= 10 * result.elapsed + 3


@pytest.mark.parametrize("profile", ['file: { a: { path = "/"; }; };', 'file: { a: { path = "/"; type = "file"; }; };'])
def test_a_fast_run_draws_nothing(guard, profile):
    with running(guard, 'startguard = 1; service = "fast"; ' + profile) as (terminal, process):
        elapsed = process.result().elapsed
        text = terminal.end()
    assert elapsed > 0.09 or terminal.drawings == 0  # on a loaded machine it may not have been fast
    assert blocks(text) == blocks(guard.run('startguard = 1; service = "fast"; ' + profile).err)


@pytest.mark.parametrize("reflows", [True, False])
def test_resized_while_it_runs(guard, world, reflows):
    with running(guard, world, columns=120, rows=30, reflows=reflows) as (terminal, process):

        def settled(t):
            rows = [row.rstrip() for row in t.screen.display]
            at = next((i for i, row in enumerate(rows) if row.startswith("WAIT ")), 0)
            return waits(rows) == WAITING and not any(rows[at + 4 :]) and max(map(len, rows[at:])) < t.screen.columns

        for columns, rows in [(60, 30), (60, 12), (25, 12), (200, 40), (80, 24)]:
            terminal.wait_until(settled, "one line for each")
            # A drawing that is under way is for the old size, and wraps on the new screen: none is, in a stopped process.
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            terminal.resize(columns, rows)
            before = terminal.drawings
            process.send_signal(signal.SIGCONT)
            terminal.wait_until(lambda t, before=before: t.drawings > before, "a drawing for the new size")
        terminal.wait_until(settled, "one line for each")
        process.terminate()
        assert process.result().code == 143
        text = terminal.end()
    # Nothing of the view is left behind, whatever the terminal made of it.
    assert [line.split()[0] for line in text.splitlines() if not line.startswith(" ")] == [
        "startguard",
        "PASS",
        "PASS",
        "PENDING",
        "PENDING",
        "PENDING",
        "PENDING",
        "startguard:",
    ]
    assert all(
        re.match(r" {10}(reached|cause|hint|seen): ", line)
        for line in GOES_ON.sub(" ", text).splitlines()
        if line.startswith(" ")
    )


def test_a_screen_that_becomes_too_small(guard, world):
    with running(guard, world) as (terminal, process):
        terminal.wait_until(lambda t: waits(t.screen.display) == WAITING, "all four")
        terminal.resize(80, 4)
        assert waits(terminal.wait_for("... and 2 more")) == WAITING[:2]
        assert not any(row.startswith("waiting: ") for row in terminal.rows())  # the checks have the rows
        terminal.resize(80, 24)
        terminal.wait_until(lambda t: waits(t.screen.display) == WAITING, "all four again")
        process.terminate()
        process.result()
        assert "WAIT" not in terminal.end()


@pytest.mark.parametrize(
    "rows, env, options",
    [(4, {}, []), (24, {"TERM": "dumb"}, []), (24, {"TERM": None}, []), (24, {"TERM": ""}, []), (0, {}, []), (24, {}, ["-v"])],
)
def test_lines_where_a_view_is_not_possible(guard, world, rows, env, options):
    """More checks than rows, a terminal that cannot move its cursor or whose size is not known, every attempt wanted."""
    with beside(guard, world) as expected, running(guard, world, *options, rows=24, env=env, seconds=2) as (terminal, process):
        terminal._set_size(80 if rows else 0, rows)
        assert process.result().code == 124
        text = terminal.end()
        pipe = expected()
    assert b"\x1b[J" not in terminal.data and b"A" not in re.findall(rb"\x1b\[\d*(.)", terminal.data)
    assert re.search(r"^WAIT +tcp\.refused +[0-9.]+ m?s  connect-refused 127", text, re.M)
    if not options:
        assert blocks(plain(text)) == pipe


@pytest.mark.parametrize(
    "options, env, coloured",
    [
        ([], {}, True),
        (["--color", "never"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        (["--color=always"], {"NO_COLOR": "1"}, True),
    ],
)
@pytest.mark.parametrize("columns", [3, 80])
def test_colours_of_the_view(guard, world, options, env, coloured, columns):
    with running(guard, world, *options, env=env, seconds=0.5, columns=columns) as (terminal, process):
        process.result()
        terminal.end()
    assert terminal.drawings > 0
    assert (b"\x1b[1mWAIT" in terminal.data) == (coloured and columns > 4)
    assert (re.search(rb"\x1b\[[\d;]*m", terminal.data) is not None) == coloured


def forty_checks(seconds):
    port = refused_port()
    checks = " ".join(f'c{i:02}: {{ address = "127.0.0.1:{port}"; }};' for i in range(40))
    return f'startguard = 1; timeout = "{seconds}"; tcp: {{ {checks} }};'


def test_a_terminal_that_is_stopped_for_a_while(guard):
    """What piled up meanwhile is not all the old pictures, and the end is whole."""
    with Terminal(columns=200, rows=50, stopped=True) as terminal:
        with guard.spawn(forty_checks("60s"), stderr=terminal.follower, raw=True, env=terminal.env) as process:
            time.sleep(guard.scale(2.5))
            terminal.go_on()
            process.terminate()
            assert process.result().code == 143
            lines = terminal.end().splitlines()
    assert lines[-1].startswith("startguard: BLOCKED (143): ")
    assert len([line for line in lines if line.startswith("PENDING ")]) == 40
    assert not waits(lines)
    assert terminal.drawings < 15  # 2.5 seconds of pictures would be 24


def test_a_terminal_that_is_stopped_for_ever(guard):
    """The checks end in their time all the same, and startguard gives the terminal up after a little more."""
    with Terminal(columns=200, rows=50, stopped=True) as terminal:
        with guard.spawn(forty_checks("1s"), stderr=terminal.follower, raw=True, env=terminal.env) as process:
            result = process.result(timeout=25)
        terminal.go_on()
        terminal.end()
    assert result.code == 124
    assert result.report["elapsed_ms"] < 1000 + guard.scale(4) * 1000
    assert terminal.drawings > 0


def test_quiet_is_the_verdict_alone_on_a_terminal_too(guard, world):
    with running(guard, world, "-q", seconds=0.5) as (terminal, process):
        process.result()
        text = terminal.end().replace("\r", "")
        assert text.startswith("startguard: BLOCKED (124): ")
    assert len(GOES_ON.sub(" ", text).splitlines()) == 1 and terminal.drawings == 0


@pytest.mark.parametrize("columns", [40, 41, 80])
def test_wide_characters_are_counted(guard, columns):
    """Names of two cells a letter, marks of none, and letters of one: no line of the view takes two rows."""
    checks = "".join(
        f'c{i}: {{ path = "/nowhere/{"x" * i}{word}"; }}; '
        for i, word in enumerate(
            ["世界" * 30, "e\u0301" * 40, "🎉" * 30, "한국어" * 20, "ä" * 70, "ｶﾞ" * 30, "Ａ" * 40, "é世" * 30]
        )
    )
    with running(guard, f'startguard = 1; timeout = "%s"; file: {{ {checks} }};', columns=columns, seconds=10) as (
        terminal,
        process,
    ):
        rows = terminal.wait_until(lambda t: t.drawings > 1 and len(waits(t.screen.display)) == 8, "the view")
        assert waits(rows) == [f"file.c{i}" for i in range(8)]
        at = next(i for i, row in enumerate(rows) if row.startswith("WAIT "))
        assert all(row.startswith("WAIT ") for row in rows[at : at + 8]) and not any(rows[at + 8 :])
        process.terminate()
        process.result()
        assert "WAIT" not in terminal.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_ended_by_a_signal(guard, world, number):
    with running(guard, world) as (terminal, process):
        terminal.wait_until(lambda t: waits(t.screen.display) == WAITING, "the view")
        process.send_signal(number)
        assert process.result().code == 128 + number
        lines = terminal.end().splitlines()
    assert lines[-1].startswith(f"startguard: BLOCKED ({128 + number}): ended by signal {number}")
    assert not waits(lines)
    assert b"\x1b[?25l" not in terminal.data  # never hidden, so never lost
    assert (terminal.screen.cursor.x, terminal.rows()[terminal.screen.cursor.y]) == (0, "")


def test_ended_by_two_signals_at_once(guard, world):
    """No report then, but the view is taken off the screen."""
    with running(guard, world) as (terminal, process):
        terminal.wait_until(lambda t: waits(t.screen.display) == WAITING, "the view")
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            process.send_signal(number)
        assert process.result().code in (128 + signal.SIGTERM, 128 + signal.SIGINT)
        assert not waits(terminal.end().splitlines())


def test_what_is_typed_meanwhile_does_no_harm(guard, world):
    with running(guard, world) as (terminal, process):
        terminal.wait_until(lambda t: waits(t.screen.display) == WAITING, "the view")
        terminal.type("abc")
        drawings = terminal.drawings
        assert waits(terminal.wait_until(lambda t: t.drawings > drawings, "another drawing")) == WAITING
        process.terminate()
        process.result()
        assert "abc" not in terminal.end()


def test_the_report_on_the_same_terminal(guard, world):
    with Terminal() as terminal:
        with guard.spawn(
            world % guard.span(0.5),
            "--format",
            "tap",
            stderr=terminal.follower,
            stdout=terminal.follower,
            raw=True,
            env=terminal.env,
        ) as process:
            assert process.result().code == 124
            lines = terminal.end().splitlines()
    at = lines.index("TAP version 14")
    assert lines[at + 1] == "1..6"
    assert GOES_ON.sub(" ", "\n".join(lines)).splitlines()[-1].startswith("startguard: BLOCKED (124)")
    assert not waits(lines)


def test_what_a_peer_sends_cannot_move_the_cursor(guard):
    evil = "\x1b[2J\x1b[31m\r\n\x9b2J\u202eWAIT      forged.check\x07"
    with HttpServer({"*": Reply(body=evil, content_type="text/plain")}) as server:
        text = f'startguard = 1; timeout = "%s"; http: {{ a: {{ url = "{server.url}/"; body_contains = "good"; }}; }};'
        with running(guard, text, seconds=0.5) as (terminal, process):
            process.result()
            text = terminal.end()  # judges that nothing but our own sequences was sent
    assert terminal.drawings > 0
    assert "forged.check" not in waits(text.splitlines())
