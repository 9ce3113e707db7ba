"""When a check's own process fails: it crashes, ends without a result, hangs, floods the pipe, or cannot be created.

A preloaded library (tests/preload/faults.c) makes getaddrinfo do these things in the child of a check. Whatever
happens there, startguard ends in time, blames itself and not the dependency, writes its report, and leaves nothing.
"""

import errno
import os
import resource

import pytest

from fakes.kafka import FakeKafka
from fakes.tcp import TcpServer, refused_port, silent

SANITIZED = "ASAN_OPTIONS" in os.environ


@pytest.fixture
def server():
    with TcpServer(silent) as one:
        yield one


def one_try(guard, server, env, timeout="10s", **keys):
    return guard.try_("tcp", address=f"localhost:{server.port}", _env=env, _limit=timeout, **keys)


@pytest.mark.near_miss("guard-crashed", "guard-bug", "guard-deadline", "guard-no-process")
def test_the_library_alone_changes_nothing(guard, server, faults):
    one_try(guard, server, faults()).passed()


@pytest.mark.produces("guard-crashed")
@pytest.mark.parametrize("how, signal", [("crash", "signal 11 (Segmentation fault)"), ("abort", "signal 6 (Aborted)")])
def test_crash(guard, server, faults, how, signal):
    result = one_try(guard, server, faults(FAULT_RESOLVE=how))
    check = result.expect("guard-crashed", exit=70, outcome="broken", cause=signal)
    assert "localhost" in check["last_step"]
    assert check["last_step"] in check["cause"]
    assert "\nBROKEN " in result.err
    assert result.status == "blocked"


@pytest.fixture
def kafka():
    with FakeKafka(topics={"t": (1, 1)}) as one:
        yield one


def ask_kafka(guard, kafka, env, **keys):
    return guard.try_(
        "kafka", bootstrap_servers=[kafka.bootstrap], topics=[{"name": "t"}], _env=env, _args=["-t", "10s"], **keys
    )


@pytest.mark.produces("library-crashed")
@pytest.mark.near_miss("guard-crashed")
@pytest.mark.parametrize(
    "how, words",
    [
        ("assert", 'rd_kafka_metadata: Assertion `!"a broker may say that"\' failed'),
        ("rd_assert", "rdkafka_faults.c:1:rd_kafka_metadata: assert: count >= 0;"),
    ],
)
def test_a_library_that_aborts_is_named_with_its_words(guard, kafka, faults, how, words):
    """Neither our own failure nor a reason to stop waiting: another server may answer at the next attempt."""
    result = ask_kafka(guard, kafka, faults(FAULT_METADATA=how))
    check = result.expect(
        "library-crashed",
        exit=124,
        outcome="fail",
        retryable=True,
        phase="protocol",
        cause=words,
        subject=f"asking for metadata from {kafka.bootstrap}",
    )
    assert check["cause"].startswith("librdkafka 2.")
    assert check["cause"].endswith(f"; while: {check['subject']}")


@pytest.mark.produces("library-crashed")
def test_a_library_that_aborts_is_waited_for(guard, kafka, faults):
    result = guard.run(
        f"""startguard = 1; kafka: {{ a: {{ bootstrap_servers = ["{kafka.bootstrap}"]; required = false; timeout = "1s";
                           degraded = "no events"; }}; }};""",
        env=faults(FAULT_METADATA="assert"),
        command=["/bin/echo", "started"],
    )
    assert (result.code, result.out, result.status) == (0, "started\n", "degraded")
    assert result.expect("library-crashed", outcome="degraded")["attempts"] > 1


@pytest.mark.produces("guard-crashed")
@pytest.mark.near_miss("library-crashed")
@pytest.mark.parametrize(
    "how, signal",
    [("abort", "signal 6"), ("crash", "signal 11"), ("misled", "signal 11"), *([] if SANITIZED else [("heap", "signal 6")])],
)  # a sanitizer notices first
def test_who_crashed_is_not_guessed(guard, kafka, faults, how, signal):
    """An abort without words may be the C library's, which found the memory corrupted: by whom it does not know."""
    ask_kafka(guard, kafka, faults(FAULT_METADATA=how)).expect("guard-crashed", exit=70, outcome="broken", cause=signal)


@pytest.mark.near_miss("library-crashed", "guard-crashed")
def test_words_of_an_assertion_alone_are_no_crash(guard, kafka, faults):
    ask_kafka(guard, kafka, faults(FAULT_METADATA="harmless")).passed()


@pytest.mark.produces("library-crashed")
def test_no_secret_in_the_words_of_a_library_that_aborts(guard, kafka, faults):
    password = "correct-horse-battery"
    result = ask_kafka(
        guard,
        kafka,
        faults(FAULT_METADATA="says", FAULT_SAYS=f"password {password} is wrong", P=password),
        properties=["ssl.key.password=env:P"],
    )
    result.expect("library-crashed", cause="password *** is wrong")
    assert password not in result.err + str(result.report)


@pytest.mark.produces("guard-bug")
@pytest.mark.parametrize(
    "how, cause",
    [
        ("exit", "status 0 without a result"),
        ("garbage", "wrote bytes that are not a record"),
        ("partial", "status 0 without a result"),
    ],
)
def test_no_result(guard, server, faults, how, cause):
    one_try(guard, server, faults(FAULT_RESOLVE=how)).expect("guard-bug", exit=70, outcome="broken", cause=cause)


@pytest.mark.produces("guard-deadline")
@pytest.mark.near_miss("guard-crashed", "guard-bug")
@pytest.mark.parametrize("how", ["hang", "spin", "flood", "closes"])
def test_deadline_is_kept_whatever_the_library_does(guard, server, faults, how):
    result = one_try(guard, server, faults(FAULT_RESOLVE=how, FAULT_NO_THREADS="1"), attempt_timeout="1s")
    check = result.expect("guard-deadline", exit=124, retryable=True, outcome="fail", cause="(attempt_timeout)")
    assert "localhost" in check["cause"]


@pytest.mark.produces("dns-timeout")
@pytest.mark.near_miss("guard-deadline", "guard-bug", "guard-crashed")
@pytest.mark.parametrize("how", ["hang", "spin"])
def test_a_resolver_that_hangs_in_its_thread_is_told_as_such(guard, server, faults, how):
    one_try(guard, server, faults(FAULT_RESOLVE=how), attempt_timeout="2s").expect("dns-timeout", exit=124)


@pytest.mark.near_miss("guard-bug", "guard-crashed")
def test_no_thread_to_be_had(guard, server, faults):
    one_try(guard, server, faults(FAULT_NO_THREADS="1")).passed()


@pytest.mark.produces("guard-deadline")
@pytest.mark.parametrize("key, run, where", [({"timeout": "1s"}, "10s", "(timeout)"), ({}, "1s", "(timeout of the run)")])
def test_deadline_names_the_limit_that_was_hit(guard, server, faults, key, run, where):
    guard.try_(
        "tcp", address=f"localhost:{server.port}", _env=faults(FAULT_RESOLVE="hang", FAULT_NO_THREADS="1"), _limit=run, **key
    ).expect("guard-deadline", exit=124, cause=where)


@pytest.mark.near_miss("guard-deadline")
def test_slow_within_the_limit_is_no_deadline(guard, server, faults):
    check = one_try(guard, server, faults(FAULT_RESOLVE="slow"), timeout=guard.span(20)).passed()
    assert check["elapsed_ms"] >= 300


@pytest.mark.near_miss("guard-crashed", "guard-bug")
def test_a_command_that_crashes_is_no_crash_of_ours(guard):
    guard.try_("exec", command=["/bin/sh", "-c", "kill -s SEGV $(exec sh -c 'echo $PPID')"]).expect("exec-signal")


@pytest.mark.near_miss("guard-bug")
def test_a_peer_without_an_answer_is_no_bug_of_ours(guard):
    guard.try_("tcp", address=f"localhost:{refused_port()}").expect("connect-refused")


def one_run(guard, server, env, timeout):
    return guard.run(f'startguard = 1; tcp: {{ a: {{ address = "localhost:{server.port}"; }}; }};', "-t", timeout, env=env)


@pytest.mark.produces("guard-no-process")
def test_no_process_to_be_had(guard, server, faults):
    check = one_run(guard, server, faults(FAULT_FORK_FAILS="1-1000000"), "1500ms").expect(
        "guard-no-process", exit=70, outcome="broken", cause="Resource temporarily unavailable"
    )
    assert check["attempts"] > 1


@pytest.mark.produces("guard-no-process")
@pytest.mark.parametrize(
    "env, cause, hint",
    [
        ({"FAULT_FORK_FAILS": "1-1000000"}, "fork: Resource temporarily unavailable", "pids limit"),
        (
            {"FAULT_FORK_FAILS": "1-1000000", "FAULT_FORK_ERRNO": str(errno.ENOMEM)},
            "fork: Cannot allocate memory",
            "memory limit",
        ),
        ({"FAULT_PIPE": str(errno.EMFILE)}, "pipe: Too many open files, ", "open files (ulimit -n)"),
        ({"FAULT_PIPE": str(errno.ENFILE)}, "pipe: Too many open files in system", "fs.file-max"),
    ],
)
def test_the_hint_names_the_limit_that_was_met(guard, server, faults, env, cause, hint):
    check = one_try(guard, server, faults(**env)).expect("guard-no-process", exit=70, cause=cause, hint=hint)
    assert ("pids" in check["hint"]) == (hint == "pids limit")


@pytest.mark.produces("guard-no-process")
@pytest.mark.parametrize("kind", ["tcp", "exec"])
def test_few_open_files(guard, server, kind):
    """A real limit, too low for the parent's pipes or, a little higher, for those of a command."""
    text = (
        f'tcp: {{ a: {{ address = "{server.address}"; retry = false; }}; }};'
        if kind == "tcp"
        else 'exec: { a: { command = ["/bin/true"]; retry = false; }; };'
    )
    limit = 6 if kind == "tcp" else 9
    result = guard.run(f"startguard = 1; {text}", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    result.expect("guard-no-process", exit=70, cause="Too many open files", hint="ulimit -n")


@pytest.mark.produces("guard-no-process")
def test_no_process_for_a_moment(guard, server, faults):
    """fork fails twice; then it works, and the check passes."""
    check = one_run(guard, server, faults(FAULT_FORK_FAILS="1-2"), guard.span(20)).passed()
    assert check["attempts"] == 3
    assert check["history"] == [{"code": "guard-no-process", "count": 2}]


@pytest.mark.near_miss("guard-no-process")
def test_a_failing_fork_that_is_never_needed(guard, server, faults):
    one_try(guard, server, faults(FAULT_FORK_FAILS="2-9")).passed()


@pytest.mark.produces("guard-crashed")
def test_the_others_are_not_touched(guard, server, faults):
    """One check crashes again and again, optional: it is lost and named as broken; the start is degraded."""
    result = guard.run(
        f"""startguard = 1;
        exec: {{ good: {{ command = ["/bin/true"]; }}; }};
        tcp: {{ bad: {{ address = "localhost:{server.port}"; required = false; timeout = "1s"; degraded = "no bad";
                       degraded_env = ["BAD=0"]; }}; }};
        file: {{ root: {{ path = "/"; }}; }};""",
        env=faults(FAULT_RESOLVE="crash"),
        command=["/bin/sh", "-c", "echo $BAD"],
    )
    assert (result.code, result.out, result.status) == (0, "0\n", "degraded")
    result.passed("file.root")
    result.passed("exec.good")
    result.expect("guard-crashed", id="tcp.bad", outcome="broken")
    assert "broken: guard-crashed" in result.report["summary"]


@pytest.mark.produces("guard-no-process")
@pytest.mark.near_miss("guard-bug")
def test_no_process_for_the_command_of_a_check(guard, faults):
    """The check has its process, its command gets none: that is startguard's own failure, and reported as such."""
    result = guard.try_("exec", command=["/bin/true"], _env=faults(FAULT_FORK_FAILS="2-1000000"))
    result.expect("guard-no-process", exit=70, outcome="broken")
