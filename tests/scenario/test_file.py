"""file"""

import hashlib
import os
import shutil
import socket

import pytest

NOBODY = 65534


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@pytest.fixture
def open_folder(guard):
    """A folder that another user may enter, with the program; the report goes there too."""
    for folder in (guard.tmp, *guard.tmp.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o011)
    guard.tmp.chmod(0o777)
    guard.path = shutil.copy(guard.path, guard.tmp / "startguard")
    return guard.tmp


@pytest.mark.near_miss(
    "file-missing",
    "file-unreadable",
    "file-wrong-type",
    "file-too-small",
    "file-mode",
    "file-checksum",
    "file-not-writable",
    "file-content",
)
def test_pass(guard):
    f = guard.write("a.conf", "[learner]\n")
    f.chmod(0o640)
    guard.try_(
        "file",
        path=f,
        type="file",
        readable=True,
        writable=True,
        not_empty=True,
        min_size="10B",
        mode_at_most="0640",
        owner=f"{os.geteuid()}",
        sha256=hashlib.sha256(b"[learner]\n").hexdigest(),
        contains="learner]",
    ).passed()
    guard.try_("file", path=guard.tmp, type="dir", writable=True, not_empty=True).passed()
    guard.try_("file", path=guard.tmp, type="directory").passed()
    guard.try_("file", path=guard.tmp / "*.conf").passed()
    guard.try_("file", path="/dev/null", type="device").passed()


@pytest.mark.parametrize(
    "code,keys,words",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in [
            ("file-wrong-type", {"type": "dir"}, "it is a file"),
            ("file-wrong-type", {"type": "directory"}, "not a dir"),
            ("file-too-small", {"min_size": "1KiB"}, "5 bytes"),
            ("file-mode", {"mode_at_most": "0600"}, "0644"),
            ("file-mode", {"executable": True}, "execute"),
            ("file-mode", {"owner": "12345"}, "12345"),
            ("file-checksum", {"sha256": "0" * 64}, hashlib.sha256(b"hello").hexdigest()),
            ("file-content", {"contains": "bye"}, "5 bytes"),
        ]
    ],
)
def test_faults(guard, code, keys, words):
    f = guard.write("hello", "hello")
    f.chmod(0o644)
    guard.try_("file", path=f, **keys).expect(code, phase="assert", cause=words, subject="hello")


@pytest.mark.produces("file-too-small")
@pytest.mark.parametrize("what", ["file", "dir"])
def test_empty(guard, what):
    path = guard.tmp / "empty"
    path.mkdir() if what == "dir" else path.write_text("")
    guard.try_("file", path=path, not_empty=True).expect("file-too-small", exit=124, cause="empty")


@pytest.mark.near_miss("file-too-small")
def test_hidden_entry(guard):
    guard.write("d/.hidden", "")
    guard.try_("file", path=guard.tmp / "d", not_empty=True).passed()


@pytest.mark.produces("file-missing")
@pytest.mark.near_miss("file-unreadable", "file-wrong-type")
@pytest.mark.parametrize("name", ["none", "none-*", "hello/below"])
def test_missing(guard, name):
    guard.write("hello", "hello")
    guard.try_("file", path=guard.tmp / name).expect("file-missing", exit=124, retryable=True)


def test_one_of_several_matches(guard):
    guard.write("a.conf", "good")
    guard.write("b.conf", "bad")
    guard.try_("file", path=guard.tmp / "*.conf", contains="good").expect("file-content", subject="b.conf")


def test_appears_later(guard):
    process = guard.spawn(f'startguard = 1; file: {{ f: {{ path = "{guard.tmp}/late"; not_empty = true; }}; }};')
    process.wait_for("WAIT")
    guard.write("late", "here")
    assert process.result().code == 0


@pytest.mark.produces("file-unreadable")
@pytest.mark.near_miss("file-missing")
def test_unreadable(guard, open_folder):
    f = guard.write("key.pem", "secret")
    f.chmod(0o600)
    guard.spawn(f'startguard = 1; file: {{ f: {{ path = "{f}"; }}; }};', preexec_fn=as_nobody).result().expect(
        "file-unreadable", exit=69, cause="user 65534"
    )


@pytest.mark.produces("file-not-writable")
@pytest.mark.near_miss("file-unreadable")
def test_not_writable(guard, open_folder):
    folder = guard.tmp / "data"
    folder.mkdir(mode=0o755)
    guard.spawn(
        f'startguard = 1; file: {{ f: {{ path = "{folder}"; writable = true; }}; }};', preexec_fn=as_nobody
    ).result().expect("file-not-writable", exit=69)


@pytest.mark.produces("file-wrong-type")
@pytest.mark.near_miss("guard-deadline", "file-content", "file-checksum", "file-too-small")
@pytest.mark.parametrize("keys", [{"contains": "x"}, {"sha256": "0" * 64}, {"min_size": "1B"}, {"not_empty": True}])
def test_content_of_a_fifo(guard, keys):
    os.mkfifo(guard.tmp / "pipe")
    guard.try_("file", path=guard.tmp / "pipe", type="fifo").passed()
    guard.try_("file", path=guard.tmp / "pipe", **keys).expect("file-wrong-type", exit=69, cause="it is a fifo")


def test_content_of_another_type_in_the_profile(guard):
    guard.try_("file", path="/x", type="fifo", contains="x").problem("contains", exit=64)


def test_socket(guard):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(guard.tmp / "s"))
        guard.try_("file", path=guard.tmp / "s", type="socket").passed()


@pytest.mark.parametrize(
    "keys,words", [({"mode_at_most": "0999"}, "octal"), ({"sha256": "abc"}, "64 hexadecimal"), ({"type": "folder"}, "type")]
)
def test_bad_keys(guard, keys, words):
    guard.try_("file", path="/x", **keys).problem(words, exit=64)
