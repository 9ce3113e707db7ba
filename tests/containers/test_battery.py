"""startguard as the first process of real containers: what it is given, how it ends, what it says."""

import pytest

from servers.common import wait_for

FINE = ("-w", "file:///bin/sh")  # a check that needs no network
NEVER = ("-w", "tcp://127.0.0.1:1")
RESTRICTED = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=1000:1000",
    "--memory=16m",
    "--pids-limit=16",
]


def guard(engine, *words, options=()):
    return engine.run("battery", *words, options=["--entrypoint=/startguard", *options])


def started(engine, *words, options=()):
    return engine.start("battery", *words, options=["--entrypoint=/startguard", *options])


def test_service_is_process_1(engine):
    done = guard(engine, *FINE, "--", "/bin/sh", "-c", "echo pid $$ $STARTGUARD_STATUS")
    assert (done.code, done.out) == (0, "pid 1 ready\n"), done.err
    assert done.verdict.startswith("startguard: READY: 1 check passed")


def test_restricted_container(engine):
    done = guard(engine, *FINE, "--", "/bin/sh", "-c", "cat /proc/self/status; touch /x; id -u", options=RESTRICTED)
    assert done.code == 0, done.err
    status = dict(line.split(":\t") for line in done.out.splitlines() if ":\t" in line)
    assert (status["CapEff"], status["CapBnd"]) == ("0" * 16, "0" * 16)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert done.out.splitlines()[-1] == "1000"
    assert "Read-only file system" in done.err
    assert done.err.count("READY") == 1


def test_command_that_is_not_there(engine):
    done = guard(engine, *FINE, "--", "/nope")
    assert done.code == 127
    assert "/nope" in done.verdict


def test_command_that_is_a_folder(engine):
    done = guard(engine, *FINE, "--", "/bin")
    assert done.code == 126
    assert "/bin" in done.verdict


def test_wrong_option(engine):
    done = guard(engine, "--tiemout", "5s")
    assert done.code == 64
    assert "--timeout" in done.err


def test_no_profile(engine):
    done = guard(engine, "-p", "shop", "--", "/bin/sh")
    assert done.code == 78
    assert "shop" in done.verdict


@pytest.mark.parametrize(
    "options, code", [(["--entrypoint=/nope"], 127), (["--entrypoint=/bin"], 126), (["--no-such-flag"], 125)]
)
def test_errors_of_the_engine_have_no_line_of_startguard(engine, options, code):
    """The engine uses the same numbers: the line tells who ended the start."""
    done = engine.run("battery", options=options)
    assert done.code == code, done.err
    assert not done.verdict


def test_exit_status_of_the_service(engine):
    assert guard(engine, *FINE, "--", "/bin/sh", "-c", "exit 42").code == 42


def test_blocked(engine):
    done = guard(engine, *NEVER, "-t", "300ms", "--", "/bin/sh", "-c", "echo started")
    assert (done.code, done.out) == (124, "")
    assert done.verdict.startswith("startguard: BLOCKED (124): tcp.127.0.0.1:1: connect-refused")


def test_service_over_its_memory_limit(engine):
    with started(
        engine,
        *FINE,
        "--",
        "/bin/busybox",
        "dd",
        "if=/dev/zero",
        "of=/dev/null",
        "bs=200M",
        "count=1",
        options=["--memory=32m"],
    ) as one:
        assert one.wait() == 137
        assert "READY" in one.logs()


def test_many_checks_in_16_processes(engine):
    words = [
        word
        for name in ("startguard", "bin/sh", "bin/busybox", "bin", "proc", "dev", "etc")
        for word in ("-w", f"file:///{name}")
    ]
    many = [word for port in range(1, 41) for word in ("-w", f"tcp://127.0.0.1:{port}")]
    done = guard(engine, *words, *many, "-t", "2s", options=RESTRICTED)
    assert done.code == 124, done.err
    assert "40 of 47 checks failed" in done.verdict
    assert done.err.count("connect-refused") >= 40


def test_stop_while_waiting(engine):
    """Process 1 has no default action for TERM: without a handler the engine kills it, 137."""
    with started(engine, *NEVER, "-t", "10m", "--", "/bin/sh") as one:
        one.until("WAIT")
        one.stop(20)
        assert one.wait() == 143
        assert "startguard: BLOCKED (143): ended by signal 15 (TERM)" in one.logs()


def test_stop_after_the_service_has_started(engine):
    script = "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"
    with started(engine, *FINE, "--", "/bin/sh", "-c", script) as one:
        one.until("up")
        one.stop(20)
        assert one.wait() == 3


def test_init_of_the_engine(engine):
    done = guard(engine, *FINE, "--", "/bin/sh", "-c", "echo $$; exit 42", options=["--init"])
    assert done.code == 42, done.err
    assert int(done.out) > 1


def test_frozen_server(engine, network):
    """The kernel accepts for a server that does not run: the port is open, and Redis is not there."""
    engine.must("pause", "cache")
    try:
        tcp = guard(engine, "-w", "tcp://cache:6379", options=[network])
        redis = guard(engine, "-w", "redis://cache:6379", "-t", "1s", options=[network])
    finally:
        engine.must("unpause", "cache")
    assert tcp.code == 0, tcp.err
    assert redis.code == 124
    assert "answer-timeout" in redis.verdict or "guard-deadline" in redis.verdict


def test_server_that_wakes_up(engine, network):
    engine.must("pause", "cache")
    try:
        with started(engine, "-w", "redis://cache:6379", "--", "/bin/sh", "-c", "echo up", options=[network]) as one:
            one.until("mode prod")
            engine.must("unpause", "cache")
            assert one.wait() == 0
            assert "up" in one.logs().splitlines()
    finally:
        engine.cli("unpause", "cache")


def test_name_that_does_not_exist(engine, network):
    """Engines differ: one says that there is no such name, another that it cannot find out."""
    done = guard(engine, "-w", "tcp://nobody:1", "-t", "1s", options=[network])
    assert done.code == 124
    assert "dns-" in done.verdict


def test_name_that_comes_into_being(engine, network):
    with started(engine, "-w", "redis://later:6379", options=[network]) as one:
        one.until("dns-")
        with engine.start("redis:7", options=["--network=shop"], name="later"):
            assert one.wait() == 0
            assert "READY" in one.logs()


def test_restart_policy(engine):
    with started(engine, *NEVER, "-t", "200ms", options=["--restart=on-failure:2"]) as one:
        wait_for(lambda: one.logs().count("BLOCKED (124)") == 3, what="three runs", seconds=30)
        wait_for(lambda: one.inspect("State.Status") == "exited", what="the end", seconds=10)
        assert one.inspect("RestartCount") == 2
        assert one.inspect("State.ExitCode") == 124


def test_health_check(engine):
    """What the engine's own schedule makes of it is in test_readme.py: podman leaves it to systemd."""
    with started(engine, *FINE, "--", "/bin/sh", "-c", "mkdir /run; touch /run/ok; sleep 60") as one:
        probe = ["exec", one.name, "/startguard", "check", "--health", "-w", "file:///run/ok"]
        wait_for(lambda: engine.cli(*probe).code == 0, what="healthy", seconds=10)
        engine.must("exec", one.name, "/bin/busybox", "rm", "/run/ok")
        assert engine.cli(*probe).code == 1
