"""file"""

import hashlib
import os
import shutil
import socket

import pytest

from harness import helper

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
    "file-present",
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
        not_contains="teacher",
    ).passed()
    guard.try_("file", path=guard.tmp / "none", absent=True).passed()
    guard.try_("file", path=guard.tmp / "none-*" / "x", absent=True).passed()
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
            ("file-content", {"not_contains": "ell"}, 'it holds "ell", and must not'),
            ("file-content", {"json": '( { at = ""; } )'}, "it is not a JSON document"),
            ("file-present", {"absent": True}, "a file is there"),
        ]
    ],
)
def test_faults(guard, code, keys, words):
    f = guard.write("hello", "hello")
    f.chmod(0o644)
    guard.try_("file", path=f, **keys).expect(code, phase="assert", cause=words, subject="hello")


@pytest.mark.produces("file-content")
@pytest.mark.parametrize("at", [0, 65_533, 65_536, 131_069, 200_000, 68 << 20])
def test_a_text_anywhere_in_a_large_file(guard, at):
    """It is read in pieces of 64 KiB: a text that stands in two of them is found, and one behind the first 64 MiB."""
    f = guard.write("large", "")
    with f.open("r+b") as out:
        out.seek(at)
        out.write(b"the needle")
        out.truncate(max(at + 10, 300_000))
    guard.try_("file", path=f, contains="the needle").passed()
    guard.try_("file", path=f, not_contains="the needle").expect("file-content", cause='it holds "the needle"')
    guard.try_("file", path=f, contains="the needles").expect("file-content", cause=f"{f.stat().st_size} bytes, and")
    guard.try_("file", path=f, contains="needle", not_contains="a longer text than that").passed()


@pytest.mark.uninstrumented
def test_content_in_a_small_container(guard):
    """16 MiB are enough for each key that reads the file."""
    f = guard.write("small.json", '{"a": 1}')
    keys = f"""path = "{f}"; contains = "a"; not_contains = "b"; json = ( {{ at = "/a"; equals = 1; }} );
               sha256 = "{hashlib.sha256(f.read_bytes()).hexdigest()}";"""
    limit = ["prlimit", f"--data={16 << 20}", "--"]
    guard.check(f"startguard = 1; file: {{ f: {{ {keys} }}; }};", before=limit).passed()


JSON = '{"learner": {"strict": false, "token": "the-token-of-the-learner", "n": 3, "big": 9007199254740993}}'


@pytest.mark.near_miss("file-content")
def test_json(guard):
    f = guard.write("overrides.json", JSON)
    values = '( { at = "/learner/strict"; equals = false; }, { at = "/learner/n"; min = 2; max = 3; }, { at = "/learner/big"; equals = "9007199254740993"; }, { at = ""; type = "object"; } )'
    guard.try_("file", path=f, json=values, contains="strict", not_contains="lax").passed()


@pytest.mark.produces("file-content")
@pytest.mark.parametrize(
    "value, words",
    [
        ('at = "/learner/strict"; equals = true;', "at /learner/strict is false, expected true"),
        ('at = "/learner/n"; min = 4;', "outside 4 to inf"),
        ('at = "/learner/big"; equals = "9007199254740992";', "expected 9007199254740992"),
        ('at = "/learner/none"; equals = true;', "there is nothing at /learner/none"),
        ('at = "/learner/n"; type = "string";', "a number, not a string"),
    ],
)
def test_json_that_differs(guard, value, words):
    """The rest of the file may hold secrets and is not quoted."""
    f = guard.write("overrides.json", JSON)
    result = guard.try_("file", path=f, json=f"( {{ {value} }} )")
    result.expect("file-content", exit=124, subject="overrides.json", cause=words)
    assert "the-token" not in result.err + str(result.report)


@pytest.mark.produces("file-content")
def test_what_is_not_json_is_not_quoted(guard):
    f = guard.write("overrides.json", JSON.replace('"the-token-of-the-learner"', "the-token-of-the-learner"))
    result = guard.try_("file", path=f, json='( { at = "/learner"; } )')
    result.expect("file-content", exit=124, cause="it is not a JSON document: ")
    assert "the-token" not in result.err + str(result.report)


@pytest.mark.produces("file-content")
@pytest.mark.parametrize("data, words", [(b"\xef\xbb\xbf{}", "byte order mark"), (b"{\0}\0", "UTF-16"), (b"", "it is empty")])
def test_json_in_another_encoding(guard, data, words):
    f = guard.write("f.json", data)
    guard.try_("file", path=f, json='( { at = ""; type = "object"; } )').expect("file-content", exit=124, cause=words)


@pytest.mark.produces("file-present")
@pytest.mark.near_miss("file-missing", "file-wrong-type")
def test_absent(guard):
    """A link that leads nowhere is something too; of a glob, one match is enough."""
    (guard.tmp / "link").symlink_to("nowhere")
    guard.write("d/a.tmp", "")
    guard.try_("file", path=guard.tmp / "link", absent=True).expect("file-present", exit=124, cause="a link is there")
    guard.try_("file", path=guard.tmp / "d", absent=True).expect("file-present", cause="a dir is there")
    found = guard.try_("file", path=guard.tmp / "d" / "*.tmp", absent=True).expect("file-present", subject="a.tmp")
    assert found["cause"].endswith("/*.tmp (1 in all)")


@pytest.mark.produces("file-unreadable")
@pytest.mark.near_miss("file-present", "file-missing")
@pytest.mark.parametrize("name", ["x", "*"])
def test_absent_in_a_folder_that_cannot_be_read(guard, open_folder, name):
    """Nobody knows whether it is there."""
    (guard.tmp / "closed").mkdir(mode=0o700)
    text = f'startguard = 1; file: {{ f: {{ path = "{guard.tmp}/closed/{name}"; absent = true; }}; }};'
    guard.spawn(text, preexec_fn=as_nobody).result().expect("file-unreadable", exit=69)


def test_goes_away_later(guard):
    f = guard.write("maintenance", "")
    process = guard.spawn(f'startguard = 1; file: {{ f: {{ path = "{f}"; absent = true; }}; }};')
    process.wait_for("WAIT")
    f.unlink()
    assert process.result().code == 0


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
@pytest.mark.parametrize(
    "keys", [{"contains": "x"}, {"not_contains": "x"}, {"sha256": "0" * 64}, {"min_size": "1B"}, {"not_empty": True}]
)
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
    "keys,words",
    [
        ({"absent": True, "contains": "x"}, "no key but path"),
        ({"absent": True, "owner": "0"}, "no key but path"),
        ({"type": "dir", "not_contains": "x"}, "not_contains"),
        ({"type": "dir", "json": '( { at = "/a"; equals = 1; } )'}, "json"),
        ({"json": '( { at = "/a"; min = 2; max = 1; } )'}, "min above its max"),
        ({"json": '( { at = "a"; } )'}, "JSON pointer"),
        ({"mode_at_most": "0999"}, "octal"),
        ({"sha256": "abc"}, "64 hexadecimal"),
        ({"type": "folder"}, "type"),
    ],
)
def test_bad_keys(guard, keys, words):
    guard.try_("file", path="/x", **keys).problem(words, exit=64)


@pytest.mark.near_miss("file-unreadable", "file-not-writable", "file-mode")
def test_a_container_that_does_not_know_faccessat2(guard):
    """System call filters of older container engines answer what they do not know with EPERM."""
    folder = guard.tmp / "folder"
    folder.mkdir()
    script = guard.write("script", "#!/bin/sh\n")
    script.chmod(0o755)
    before = [helper("refuse"), "EPERM", "faccessat2", "--"]
    text = f"""startguard = 1; file: {{ d: {{ path = "{folder}"; readable = true; writable = true; }};
        s: {{ path = "{script}"; executable = true; readable = true; }}; }};"""
    assert guard.run(text, before=before).status == "ready"


@pytest.mark.produces("file-mode")
def test_a_container_that_does_not_know_faccessat2_and_a_file_that_is_refused(guard):
    plain = guard.write("plain", "x")
    plain.chmod(0o644)
    text = f'startguard = 1; file: {{ p: {{ path = "{plain}"; executable = true; retry = false; }}; }};'
    guard.run(text, before=[helper("refuse"), "EPERM", "faccessat2", "--"]).expect(
        "file-mode", cause="execute: Permission denied"
    )


@pytest.mark.near_miss("file-too-small")
def test_files_that_tell_no_size(guard):
    """Those of procfs say 0, as those of some FUSE file systems do."""
    guard.try_("file", path="/proc/self/status", not_empty=True, min_size="100B").passed()


@pytest.mark.produces("file-too-small")
def test_files_that_tell_no_size_and_are_short(guard):
    guard.try_("file", path="/proc/sys/kernel/ostype", min_size="1MiB").expect(
        "file-too-small", exit=124, cause="it has 6 bytes"
    )


# Every kind that reads a file which the profile names: its keys, with the path in it.
READERS = {
    "file": lambda path: ("file", {"path": path, "sha256": "0" * 64}),
    "avro": lambda path: ("avro", {"schema": path}),
    "sample": lambda path: ("avro", {"schema": "good.avsc", "sample": path}),
    "properties_file": lambda path: ("kafka", {"bootstrap_servers": "127.0.0.1:1", "properties_file": path}),
    "secret": lambda path: ("redis", {"url": "redis://127.0.0.1:1", "password": f"file:{path}"}),
    "ca_file": lambda path: ("http", {"url": "https://127.0.0.1:1", "ca_file": path}),
}


def code_of(reader, code):
    return {"secret": "secret-unreadable", "ca_file": "tls-ca-unreadable"}.get(reader, code)


@pytest.mark.produces("file-missing", "secret-unreadable", "tls-ca-unreadable")
def test_what_of_a_path_is_in_the_way(guard):
    """A ConfigMap without the key is a link that leads nowhere; a mount that failed is a folder that is missing."""
    guard.write("good.avsc", '"string"')
    guard.write("plain", "x")
    (guard.tmp / "key").symlink_to("..data/key")
    (guard.tmp / "circle").symlink_to("circle")
    rows = {
        "key": "it is a link to ..data/key",
        "mnt/config/app.json": "there is no folder mnt",
        "plain/x": "plain is no folder",
        "circle": "leads back to itself",
        "$$HOME/x": "only ${NAME} is a variable",
    }
    for reader, keys_of in READERS.items():
        code = code_of(reader, "file-missing")
        for path, words in rows.items():
            kind, keys = keys_of(path)
            guard.try_(kind, **keys).expect(code, exit=69 if reader == "ca_file" else 124, cause=words)
        kind, keys = keys_of("gone")
        assert "; " not in guard.try_(kind, **keys).expect(code)["cause"]


@pytest.mark.produces("file-wrong-type", "secret-unreadable", "tls-ca-unreadable")
def test_a_folder_where_a_mount_failed(guard):
    """Container engines make the folder when the file that is to be mounted is not there."""
    guard.write("good.avsc", '"string"')
    (guard.tmp / "empty").mkdir()
    (guard.tmp / "full").mkdir()
    (guard.tmp / "full" / "x").touch()
    words = "it is empty, as a folder is that stands where a mount failed"
    for reader, keys_of in READERS.items():
        code = code_of(reader, "file-wrong-type")
        kind, keys = keys_of("empty")
        seen = guard.try_(kind, **keys).expect(code)["cause"]
        assert words in seen or reader == "file", seen
        kind, keys = keys_of("full")
        assert words not in guard.try_(kind, **keys).expect(code)["cause"]


@pytest.mark.produces("file-unreadable", "secret-unreadable", "tls-ca-unreadable")
def test_who_may_read_a_file(guard, open_folder):
    for name, mode in {"good.avsc": 0o644, "closed": 0o600}.items():
        guard.write(name, '"string"')
        (guard.tmp / name).chmod(mode)
    (guard.tmp / "dir").mkdir(mode=0o700)
    rows = {"closed": "mode 0600, owner 0:0, this is user 65534", "dir/x": "/dir has mode 0700"}
    for reader, keys_of in READERS.items():
        for path, words in rows.items():
            kind, keys = keys_of(f"{guard.tmp}/{path}")
            keys = {key: value.replace("good.avsc", f"{guard.tmp}/good.avsc") for key, value in keys.items()}
            text = "".join(f'{key} = "{value}"; ' for key, value in keys.items())
            text = f"startguard = 1; {kind}: {{ x: {{ {text} retry = false; }}; }};"
            done = guard.spawn(text, preexec_fn=as_nobody).result()
            done.expect(code_of(reader, "file-unreadable"), cause=words)


@pytest.mark.produces("file-unreadable")
@pytest.mark.near_miss("file-missing")
def test_a_pattern_in_a_folder_that_cannot_be_read(guard, open_folder):
    (guard.tmp / "closed").mkdir(mode=0o700)
    (guard.tmp / "open").mkdir()
    (guard.tmp / "open" / "a.bin").write_text("x")
    text = f'startguard = 1; file: {{ f: {{ path = "{guard.tmp}/%s/*.bin"; }}; }};'
    guard.spawn(text % "closed", preexec_fn=as_nobody).result().expect(
        "file-unreadable", exit=69, cause="a folder of the pattern cannot be read"
    )
    guard.spawn(text % "*", preexec_fn=as_nobody).result().passed()
