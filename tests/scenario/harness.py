"""Runs startguard for the tests and reads what it says.

Fixture `guard` (class Guard): one per test, with a folder of its own. Every run gives a Result. A folder of tests gets
all this by a conftest.py that imports `guard` and `pytest_runtest_call` from here.

    @pytest.mark.produces("connect-refused")
    def test_refused(guard):
        result = guard.try_("tcp", address=f"127.0.0.1:{refused_port()}")
        result.expect("connect-refused", exit=124, phase="connect", retryable=True)

Rules that hold after every run: the output is UTF-8 without control characters, no sanitizer has complained, the last
line on stderr is startguard's, the report agrees with the exit code. After every test: no process is left behind, the
codes named by the marker `produces` have occurred, those of `near_miss` have not.

Environment: STARTGUARD (program; default build/startguard), STARTGUARD_TIME_SCALE (factor on every time limit),
STARTGUARD_WRAP (words before the program, such as "valgrind -q --log-file=/dev/null --error-exitcode=99").
"""

import contextlib
import functools
import json
import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import threading
import time
import unicodedata
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIME_SCALE = float(os.environ.get("STARTGUARD_TIME_SCALE", "1"))
WRAP = shlex.split(os.environ.get("STARTGUARD_WRAP", ""))
RUN_SECONDS = 30
TRY_SECONDS = 10  # only an attempt that hangs takes so long
TEST_SECONDS = 120
END_SECONDS = 3  # for killed processes to be gone
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP")
MARK = "TEST_RUN_ID"
EXIT_POLICY, EXIT_PROFILE = 77, 78
AS_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]

# A shell starts its background jobs with INT and QUIT ignored, nohup with HUP: what is tested must not inherit that.
for _signal, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(_signal) == signal.SIG_IGN:
        signal.signal(_signal, _handler)


# ---- values of profile keys ----


def text(value):
    """A Python value as a piece of a profile: True, 3, "x", ["a", "b"], {"name": "x"}, [{...}, {...}]."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -(2**31) <= value < 2**31 else f"{value}L"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        return '"' + "".join(_quoted(c) for c in os.fspath(value)) + '"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {text(v)};" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        # libconfig: an array [] holds scalars of one type, a list () anything.
        items = ", ".join(text(v) for v in value)
        plain = len({type(v) for v in value}) <= 1 and not any(isinstance(v, (dict, list, tuple)) for v in value)
        return f"[{items}]" if plain else f"( {items} )"
    raise TypeError(f"no profile text for {value!r}")


def _quoted(char):
    if char in '"\\':
        return "\\" + char
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 32 else char)


def settings(**keys):
    """KEY = VALUE; lines of a group. Strings are quoted here (unlike in Guard.try_)."""
    return " ".join(f"{key} = {text(value)};" for key, value in keys.items())


def helper(name):
    """A program built beside the startguard under test."""
    path = pathlib.Path(os.environ.get("STARTGUARD") or ROOT / "build" / "startguard").resolve().parent / "tests" / name
    assert path.exists(), f"{path} is not built: make scenario does"
    return str(path)


# ---- namespaces ----

NO_UNSHARE = "no right to make namespaces (unshare --mount --pid): run as root, or allow it to unprivileged users"
PID_1 = ("--pid", "--fork", "--mount-proc", "--kill-child")


@functools.cache
def may_unshare():
    words = ["unshare", *AS_ROOT, "--mount", *PID_1, "true"]
    return subprocess.run(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def unshare(*words):
    """Words before a command that run it in namespaces of its own, as root there. words: as unshare(1) takes them."""
    if not may_unshare():
        pytest.fail(NO_UNSHARE, pytrace=False)
    return ["unshare", *AS_ROOT, *words]


# ---- results ----


class Result:
    """One finished run.

    .code exit status (negative: ended by that signal) .out .err (str) .report (dict of --report, {} when there is
    none) .args (the command line) .elapsed (seconds).
    """

    def __init__(self, args, code, out, err, report=None, elapsed=0.0):
        self.args, self.code, self.out, self.err, self.elapsed = args, code, out, err, elapsed
        self.report = report or {}

    def __repr__(self):
        text = (
            f"<exit {self.code} after {self.elapsed:.3f} s of: {shlex.join(self.args)}\n"
            f"--- stdout\n{self.out}\n--- stderr\n{self.err}\n--- report\n{json.dumps(self.report, indent=1)}\n>"
        )
        return text.encode("utf-8", "backslashreplace").decode("utf-8")  # an argument may be any bytes

    @property
    def status(self):
        """ "ready", "degraded" or "blocked"; None without a report."""
        return self.report.get("status")

    @property
    def checks(self):
        return self.report.get("checks", [])

    def check(self, id=None):
        """The report's entry of one check: by id ("redis.cache") or name ("cache"); the only one when left out."""
        found = [c for c in self.checks if id in (None, c.get("id"), c.get("name"))]
        if len(found) != 1:
            pytest.fail(f"{len(found)} checks match {id!r} in the report of {self!r}")
        return found[0]

    def codes(self):
        """Codes of the checks that did not pass, in the report's order."""
        return [c["code"] for c in self.checks if c.get("outcome") != "pass" and c.get("code")]

    def seen(self):
        """Every code this run gave: of checks, of their earlier attempts, of policy and profile problems."""
        codes = set(self.codes())
        for check in self.checks:
            codes.update(h["code"] for h in check.get("history") or [] if h.get("code"))
        if self.code in (EXIT_POLICY, EXIT_PROFILE):
            # Whole words only: not as a piece of a path or of a longer word.
            codes.update(re.findall(r"(?<![\w/.-])[a-z][a-z0-9]*(?:-[a-z0-9]+)+(?![\w/-]|\.\w)", self.err))
        return codes

    def passed(self, id=None):
        """Asserts that the check passed; gives its entry."""
        check = self.check(id)
        if check.get("outcome") != "pass":
            pytest.fail(f"{check.get('id')}: outcome {check.get('outcome')!r}, expected 'pass'\n{self!r}")
        return check

    def expect(self, code, exit=None, phase=None, retryable=None, cause=None, subject=None, hint=None, id=None, outcome=None):
        """Asserts that the check did not pass, for exactly this reason; gives its entry. cause, subject and hint are
        substrings. For problems of the profile or of policy, which end the run before any check, see problem()."""
        if not self.checks:
            pytest.fail(f"expected {code}, but there is no report with a check: {self!r}")
        check = self.check(id)
        wrong = []
        for key, wanted in (("code", code), ("phase", phase), ("retryable", retryable), ("outcome", outcome)):
            if wanted is not None and check.get(key) != wanted:
                wrong.append(f"{key} is {check.get(key)!r}, expected {wanted!r}")
        for key, wanted in (("cause", cause), ("subject", subject), ("hint", hint)):
            if wanted is not None and wanted not in (check.get(key) or ""):
                wrong.append(f"{key} is {check.get(key)!r}, expected to contain {wanted!r}")
        if check.get("outcome") == "pass":
            wrong.append("it passed")
        if exit is not None and self.code != exit:
            wrong.append(f"exit status is {self.code}, expected {exit}")
        if wrong:
            pytest.fail(f"{check.get('id')}: {'; '.join(wrong)}\n{self!r}")
        return check

    def problem(self, *words, code=None, exit=None):
        """Asserts that the run was refused (exit 77 or 78, or `exit`) and that one line of stderr has all `words`, and
        the diagnosis code if given; gives that line."""
        wanted = (exit,) if exit is not None else (EXIT_POLICY, EXIT_PROFILE)
        if self.code not in wanted:
            pytest.fail(f"exit status {self.code}, expected one of {wanted}: {self!r}")
        if code and code not in self.seen():
            pytest.fail(f"stderr does not name {code}: {self!r}")
        for line in self.err.splitlines():
            if all(word in line for word in words) and (code is None or code in line):
                return line
        pytest.fail(f"no line of stderr has {(*words, code)}: {self!r}")


# ---- what must hold for every output ----


def output_faults(out, err, colours=False, check_last_line=True):
    """What is wrong with an output (bytes), as a list of sentences."""
    faults = []
    allowed = "\n\t\x1b" if colours else "\n\t"
    for name, data in (("stdout", out), ("stderr", err)):
        try:
            decoded = data.decode("utf-8")
        except UnicodeDecodeError as error:
            faults.append(f"{name} is not UTF-8: {error}")
            decoded = data.decode("utf-8", "replace")
        bad = sorted({c for c in decoded if c not in allowed and unicodedata.category(c) == "Cc"})
        if bad:
            faults.append(f"{name} has control characters {bad!r}")
        for word in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "MemorySanitizer", "runtime error:"):
            if word in decoded:
                faults.append(f"{name} has {word!r}")
    lines = [one for one in err.decode("utf-8", "replace").splitlines() if one.strip() and not _of_wrapper(one)]
    if check_last_line and not (lines and re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]).startswith("startguard:")):
        faults.append("the last line of stderr does not begin with 'startguard:'")
    return faults


def _of_wrapper(line):
    return bool(WRAP) and re.match(r"==\d+==", line) is not None


def report_faults(report, code=None):
    """What is wrong with a report (dict), as a list of sentences."""
    faults = []
    if report.get("status") not in ("ready", "degraded", "blocked"):
        faults.append(f"the report's status is {report.get('status')!r}")
    if code is not None and report.get("exit_code") != code:
        faults.append(f"the report says exit_code {report.get('exit_code')!r}, the program ended with {code}")
    bad = sorted({c for s in _strings(report) for c in s if c not in "\n\t" and unicodedata.category(c) == "Cc"})
    if bad:
        faults.append(f"the report has control characters {bad!r}")
    return faults


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


# ---- a running startguard ----


class Process(subprocess.Popen):
    """A running startguard (guard.spawn). Its output is collected while it runs.

    .report_file; .out_so_far() .err_so_far(); wait_for("text") waits until stderr has it; result() waits for the end and gives
    the Result. Also a context manager: at its end the process is killed if it still runs.
    """

    def __init__(self, guard, args, report, checks, **options):
        self._guard, self.report_file, self._checks = guard, report, checks
        self._changed = threading.Condition()
        self._data = {"out": b"", "err": b""}
        self._threads = []
        self._result = None
        self._started = time.monotonic()
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        super().__init__(args, start_new_session=True, **options)
        for name, stream in (("out", self.stdout), ("err", self.stderr)):
            if stream:
                thread = threading.Thread(target=self._read, args=(name, stream), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _read(self, name, stream):
        while data := os.read(stream.fileno(), 65536):
            with self._changed:
                self._data[name] += data
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def out_so_far(self):
        return self._data["out"].decode("utf-8", "replace")

    def err_so_far(self):
        return self._data["err"].decode("utf-8", "replace")

    def wait_for(self, what, stream="err", timeout=RUN_SECONDS):
        """Waits until the stream ("err" or "out") has `what` (a str, or a compiled pattern)."""
        pattern = what if isinstance(what, re.Pattern) else re.compile(re.escape(what))

        def there():
            return pattern.search(self._data[stream].decode("utf-8", "replace"))

        deadline = time.monotonic() + timeout * TIME_SCALE
        with self._changed:
            while not there():
                ended = not any(t.is_alive() for t in self._threads)
                if ended or not self._changed.wait(max(0, min(1, deadline - time.monotonic()))):
                    if ended or time.monotonic() >= deadline:
                        pytest.fail(f"{stream} never had {pattern.pattern!r}\n{self._so_far()}")
        return there()

    def kill_all(self):
        """SIGKILL to startguard and to whatever it started."""
        for pid in self._guard.processes(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.poll() is None:
            self.kill()

    def result(self, timeout=RUN_SECONDS):
        """Waits for the end of the process; a failure with all output after `timeout` seconds."""
        if self._result:
            return self._result
        limit = timeout * TIME_SCALE
        try:
            self.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill_all()
            self.wait()
            self._join()
            pytest.fail(f"still running after {limit:g} s; killed\n{self._so_far()}")
        elapsed = time.monotonic() - self._started
        if not self._join():
            self.kill_all()
            pytest.fail(f"it ended, but a process it left behind holds its output open\n{self._so_far()}")
        self._result = self._judge(elapsed)
        return self._result

    def _join(self):
        deadline = time.monotonic() + END_SECONDS * TIME_SCALE
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        return not any(t.is_alive() for t in self._threads)

    def _so_far(self):
        return f"{shlex.join(self.args)}\n--- stdout\n{self.out_so_far()}\n--- stderr\n{self.err_so_far()}"

    def _judge(self, elapsed):
        report, faults = self._read_report()
        result = Result(self.args, self.returncode, self.out_so_far(), self.err_so_far(), report, elapsed)
        self._guard._saw(result)
        if self._checks:
            faults += self._checks(result, dict(self._data), self.stderr is not None)
        if faults:
            pytest.fail("; ".join(faults) + f"\n{result!r}")
        return result

    def _read_report(self):
        if self.report_file and self.report_file.exists():
            data = self.report_file.read_text("utf-8")
        elif "json" in self.args and "--format" in self.args:
            data = self.out_so_far()
        else:
            return {}, []
        try:
            report = json.loads(data)
            return (report if isinstance(report, dict) else {}), []
        except ValueError as error:
            return {}, [f"the report is not JSON ({error}): {data!r}"] if self.report_file else []

    def __exit__(self, kind, value, trace):
        if self.poll() is None:
            self.kill_all()
            self.wait()
        self._join()
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()


def program():
    return str(pathlib.Path(os.environ.get("STARTGUARD") or ROOT / "build" / "startguard").resolve())


def kinds():
    """The kinds that the program has, as `explain --json` lists them."""
    done = subprocess.run([program(), "explain", "--json"], stdout=subprocess.PIPE, check=True)
    topics = [topic["name"] for topic in json.loads(done.stdout) if topic["keys"] is not None]
    return [name for name in topics if name not in ("profile", "common", "switches")]


class Guard:
    """Runs startguard. .path (the program) .tmp (folder of this test, its working directory and HOME)."""

    def __init__(self, tmp):
        self.path = program()
        self.tmp = pathlib.Path(tmp)
        self.results = []
        self._id = uuid.uuid4().hex
        self._count = 0
        self._spawned = []
        self._sessions = set()

    # -- running --

    def try_(self, kind, _env={}, _args=[], _dns=None, _limit=None, _mode=None, **keys):
        """`startguard try KIND KEY=VALUE...`: one attempt. A str stands as it is, other values become profile text.
        _limit: longest time of the run, else TRY_SECONDS; _args: more options, before KIND's keys; _dns: a DnsServer. A
        key whose name Python cannot write: **{"type": "A"}."""
        pairs = [
            f"{k}={v if isinstance(v, str) else str(v) if isinstance(v, os.PathLike) else text(v)}" for k, v in keys.items()
        ]
        options = ["-t", _limit or self.span(TRY_SECONDS), *(["-m", _mode] if _mode else []), *map(str, _args)]
        return self._start(["try", kind, *options, *pairs], env=_env, dns=_dns).result()

    def run(self, profile_text, *args, env={}, mode="prod", command=None, timeout=RUN_SECONDS, dns=None, **options):
        """`startguard run -p FILE -m MODE ...`, then `-- COMMAND` if given. profile_text: text, a path to a profile,
        or None for none; mode None leaves -m out, so that the profile decides. options: see spawn()."""
        return self.spawn(profile_text, *args, env=env, mode=mode, command=command, dns=dns, **options).result(timeout)

    def check(self, profile_text, *args, env={}, mode="prod", timeout=RUN_SECONDS, dns=None, **options):
        """`startguard check -p FILE -m MODE ...`: one round, no command."""
        return self.spawn(profile_text, *args, env=env, mode=mode, dns=dns, word="check", **options).result(timeout)

    def cli(self, *args, env={}, timeout=RUN_SECONDS, **options):
        """startguard with these arguments and no others: --help, lint, show, explain, codes ... Of the rules for stderr
        only those hold that every output keeps."""
        options.setdefault("last_line", False)
        return self._start([*map(str, args)], env=env, bare=True, **options).result(timeout)

    def spawn(self, profile_text, *args, env={}, mode="prod", command=None, dns=None, word="run", **options):
        """As run(), but gives a Process (a Popen) at once. options, of every method that takes a profile:
        before=[...] (words before the program), report=False (no --report), raw=True (do not judge the output),
        last_line=False (do not judge the last line), and whatever subprocess.Popen takes (cwd, stdin, umask, preexec_fn ...)."""
        line = [word]
        if profile_text is not None:
            line += ["-p", str(self._profile(profile_text))]
        if mode is not None:
            line += ["-m", mode]
        return self._start([*line, *map(str, args)], command=command, env=env, dns=dns, **options)

    def _profile(self, profile):
        if isinstance(profile, os.PathLike):
            return profile
        self._count += 1
        return self.write(f"profile{self._count}.cfg", profile)

    def _start(
        self, words, command=None, env={}, dns=None, before=(), bare=False, report=True, raw=False, last_line=True, **options
    ):
        self._count += 1
        line, file = list(words), None
        if not bare:
            file = self._report_option(line, env) if report else None
            if "--termination-log" not in line and "STARTGUARD_TERMINATION_LOG" not in env:
                line += ["--termination-log", "none"]
        if command is not None:
            line += ["--", *([command] if isinstance(command, (str, os.PathLike)) else map(str, command))]
        prefix = self._resolver(dns) if dns else before
        options.setdefault("cwd", self.tmp)
        judge = None if raw else lambda *seen: _judge_run(line, env, command, last_line, *seen)
        process = Process(self, [*prefix, *WRAP, self.path, *map(str, line)], file, judge, env=self.environment(env), **options)
        self._spawned.append(process)
        self._sessions.add(process.pid)
        return process

    def _report_option(self, line, env):
        for i, one in enumerate(line):
            if one == "--report":
                return self.tmp / line[i + 1]
            if one.startswith("--report="):
                return self.tmp / one.partition("=")[2]
        if "STARTGUARD_REPORT" in env:
            return self.tmp / env["STARTGUARD_REPORT"]
        file = self.tmp / f"report{self._count}.json"
        line += ["--report", str(file)]
        return file

    def environment(self, more={}):
        """The whole environment a run gets: nothing of the caller's but PATH and what sanitizers and coverage need."""
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.tmp), "LANG": "C.UTF-8", MARK: self._id}
        env.update({name: os.environ[name] for name in PASSED_ON if name in os.environ})
        env.update({name: str(value) for name, value in more.items() if value is not None})
        return {name: value for name, value in env.items() if more.get(name, "") is not None}

    def _resolver(self, dns):
        """Words before the program that give it a resolv.conf of its own, in a private mount namespace."""
        conf = self.write(f"resolv{self._count}.conf", dns.resolv_conf)
        script = 'mount --bind "$1" /etc/resolv.conf && '
        switch = pathlib.Path("/etc/nsswitch.conf")
        lines = switch.read_text().splitlines() if switch.exists() else []
        hosts = next((one.split()[1:] for one in lines if one.startswith("hosts:")), None)
        if hosts not in (None, ["files", "dns"]):
            other = self.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
            script += f"mount --bind {shlex.quote(str(other))} /etc/nsswitch.conf && "
        if dns.hosts is not None:
            other = self.write("hosts", dns.hosts)
            script += f"mount --bind {shlex.quote(str(other))} /etc/hosts && "
        script += 'shift && exec "$@"'
        return unshare("-m", "sh", "-c", script, "sh", str(conf))

    def words(self, profile_text, *options):
        """The command line of a run, for a command of the test's own; without a report."""
        return [self.path, "-p", str(self._profile(profile_text)), "-m", "prod", "--termination-log", "none", *options]

    def command(self, words, env={}, timeout=60, **options):
        """Runs a command of the test's own, such as one that runs .path in a namespace, in the environment of a run; gives
        a CompletedProcess with text. options: of subprocess.run."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "start_new_session": True, **options}
        limit = self.scale(timeout)
        return subprocess.run([*map(str, words)], env=self.environment(env), cwd=self.tmp, timeout=limit, **options)

    # -- helpers --

    def write(self, name, content):
        """Writes a file (text or bytes) into .tmp; gives its path."""
        path = self.tmp / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, (bytes, bytearray)):
            path.write_bytes(content)
        else:
            path.write_text(content, "utf-8")
        return path

    def scale(self, seconds):
        """Seconds, longer under a slow tool (STARTGUARD_TIME_SCALE)."""
        return seconds * TIME_SCALE

    def span(self, seconds):
        """The same as text for a key or option: "500ms"."""
        return f"{round(seconds * TIME_SCALE * 1000)}ms"

    def _saw(self, result):
        self.results.append(result)

    def seen(self):
        """Every code startguard gave in this test."""
        return set().union(*(r.seen() for r in self.results)) if self.results else set()

    def processes(self, session=None):
        """Pids of live processes of this test's runs: by the mark in their environment, or by their session."""
        sessions = {session} if session else self._sessions
        mark = f"{MARK}={self._id}".encode()
        found = []
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_uid not in (os.geteuid(), 0):
                    continue
                base = f"/proc/{entry.name}"
                with open(f"{base}/stat", "rb") as file:
                    state, _, _, its_session = file.read().rpartition(b")")[2].split()[:4]
                if state in (b"Z", b"X"):
                    continue
                if int(its_session) in sessions or (not session and _has_line(f"{base}/environ", mark)):
                    found.append(int(entry.name))
        if not session and not found:
            self._sessions.clear()  # nobody can join them any more, and the kernel gives their numbers to others
        return found

    def left_behind(self):
        """Descriptions of processes that outlive their run, after a moment for killed ones to go; kills them."""
        running = {p.pid for p in self._spawned if p.poll() is None}
        deadline = time.monotonic() + END_SECONDS * TIME_SCALE
        # In the same instant a killed child may still be visible.
        while pids := [p for p in self.processes() if p not in running and not _is_below(p, running)]:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            _wait_for_end(pids[0], left)
        found = [f"{pid}: {_command_line(pid)}" for pid in pids]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found

    def close(self):
        """Kills what still runs."""
        for process in self._spawned:
            with contextlib.suppress(Exception):
                process.__exit__(None, None, None)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _has_line(path, line):
    with open(path, "rb") as file:
        return line in file.read().split(b"\0")


def _is_below(pid, ancestors):
    """Whether a process descends from one of `ancestors`."""
    for _ in range(64):
        if pid in ancestors:
            return True
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            return False
        if pid <= 1:
            return False
    return False


def _wait_for_end(pid, seconds):
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        select.select([fd], [], [], seconds)
    finally:
        os.close(fd)


def _command_line(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return "?"


def _judge_run(line, env, command, last_line, result, data, has_stderr):
    """What is wrong with a finished run: a list of sentences."""
    own = line[: line.index("--")] if "--" in line else line
    quiet = bool({"-q", "--quiet", "--health", "-h", "--help", "--version"} & set(own))
    colours = "CLICOLOR_FORCE" in env or "--color=always" in own or ("always" in own and "--color" in own)
    # A command that was started owns the end of the output and the exit status.
    replaced = command is not None and result.status in ("ready", "degraded") and result.code not in (126, 127)
    killed = result.code == -signal.SIGKILL
    judged = last_line and has_stderr and not (quiet or replaced or killed)
    faults = output_faults(data["out"], data["err"], colours, judged)
    if result.report:
        faults += report_faults(result.report, None if replaced or killed else result.code)
    return faults


# ---- what pytest sees ----


@pytest.fixture
def guard(tmp_path):
    one = Guard(tmp_path)
    if not os.access(one.path, os.X_OK):
        pytest.fail(f"no program at {one.path}: build it (make), or set STARTGUARD")
    yield one
    one.close()


def _preload(folder, source, *flags):
    library = folder / f"{pathlib.Path(source).stem}.so"
    words = [os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-O1", "-shared", "-fPIC", *flags]
    subprocess.run([*words, "-o", library, ROOT / "tests" / "preload" / source, "-ldl"], check=True)
    return library


@pytest.fixture(scope="session")
def preload():
    """preload(FOLDER, SOURCE, *FLAGS) compiles a file of tests/preload as a library for LD_PRELOAD; its path. What uses this
    cannot run with a static program: --static leaves it out (conftest.py)."""
    return _preload


@pytest.fixture(scope="session")
def faults(preload, tmp_path_factory):
    """faults(FAULT_RESOLVE="hang", ...): variables of a run whose processes go wrong as tests/preload/faults.c has it."""
    library = preload(tmp_path_factory.mktemp("preload"), "faults.c")
    asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:handle_segv=0:handle_abort=0:disable_coredump=0"
    return lambda **variables: {"LD_PRELOAD": str(library), "ASAN_OPTIONS": asan, **variables}


def claims(node, name):
    """The codes that the markers of a test name, with those of its parameters, class and module."""
    return {code for mark in node.iter_markers(name) for code in mark.args}


def broken_claims(produced, missed, seen):
    """What is wrong with what a test claims about codes: a list of sentences."""
    faults = [f"it claims to produce {code}, which did not occur" for code in sorted(produced - seen)]
    faults += [f"{code} occurred, to which this is a near miss only" for code in sorted(missed & seen)]
    if faults:
        faults.append(f"codes seen: {', '.join(sorted(seen)) or 'none'}")
    return faults


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """The rules that hold at the end of each test, and its time limit. Judged only when the test itself is content."""
    with _time_limit(item):
        result = yield
    guard = getattr(item, "funcargs", {}).get("guard")
    produced, missed = claims(item, "produces"), claims(item, "near_miss")
    if guard is None:
        if produced or missed:
            pytest.fail("a test with produces or near_miss needs the fixture guard", pytrace=False)
        return result
    faults = broken_claims(produced, missed, guard.seen())
    faults += [f"left a process behind: {one}" for one in guard.left_behind()]
    if faults:
        pytest.fail("\n".join(faults) + "\n" + "\n".join(map(repr, guard.results)), pytrace=False)
    return result


@contextlib.contextmanager
def _time_limit(item):
    mark = item.get_closest_marker("timeout")
    seconds = (mark.args[0] if mark and mark.args else TEST_SECONDS) * TIME_SCALE
    if threading.current_thread() is not threading.main_thread() or item.config.pluginmanager.hasplugin("timeout"):
        yield
        return

    def expired(number, frame):
        pytest.fail(f"the test ran longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
