"""python: what is installed is written by the tests, into folders of PYTHONPATH; the interpreter is a real one."""

import pathlib
import sys

import pytest

CODES = [
    "python-interpreter-missing",
    "python-module-missing",
    "python-module-broken",
    "python-version",
    "python-forbidden",
    "python-librdkafka-old",
    "python-import-swallowed",
    "python-call-failed",
    "python-produce-failed",
    "python-produce-unconfirmed",
]
OLD = "def libversion():\n    return ('2.0.2', 33555199)\n"


@pytest.fixture
def image(guard):
    """image(files, distributions, **keys) runs a check in an image that has these modules (name: text) and distributions (name: version)."""

    def look(_files={}, _dists={}, _env={}, **keys):
        guard.write("site/.keep", "")
        for name, text in _files.items():
            path = name.replace(".", "/")
            guard.write(
                f"site/{path}/__init__.py" if any(other.startswith(name + ".") for other in _files) else f"site/{path}.py", text
            )
        for name, version in _dists.items():
            guard.write(
                f"site/{name.replace('-', '_')}-{version}.dist-info/METADATA",
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            )
        keys.setdefault("interpreter", sys.executable)
        keys.setdefault("attempt_timeout", guard.span(20))
        keys.setdefault("_limit", guard.span(20))
        return guard.try_("python", _env={"PYTHONPATH": guard.tmp / "site"} | _env, **keys)

    return look


@pytest.mark.near_miss(*CODES, "guard-deadline")
def test_pass(image):
    check = image(
        {"client": "", "libs": "", "libs.inner": "import client\n"},
        {"Some_Client": "2.6.1", "other.dist": "1.0"},
        modules=["client", "libs.inner"],
        distributions=["some-client >= 2.3, < 3", "other-dist"],
        forbidden=["kafka-python < 3.0.0", "some.client < 2"],
    ).passed()
    facts = check["facts"]
    assert facts["python"] == "{}.{}.{}".format(*sys.version_info) and facts["imported"] == 2, facts
    assert facts["distributions"] == "some-client 2.6.1, other-dist 1.0" and facts["executable"] == sys.executable


@pytest.mark.near_miss("python-librdkafka-old", "python-version", "python-module-missing")
def test_a_real_client(image):
    """The wheel these tests themselves use."""
    facts = image(
        modules=["confluent_kafka", "fastavro"],
        distributions=["confluent-kafka >= 2.6.1", "fastavro"],
        librdkafka_min_version="2.6.1",
    ).passed()["facts"]
    assert facts["librdkafka"].startswith("2."), facts


@pytest.mark.produces("python-librdkafka-old")
@pytest.mark.parametrize("least", ["2.6.1", "2.0.3", "2.0.10"])
def test_old_librdkafka(image, least):
    image({"confluent_kafka": OLD}, librdkafka_min_version=least).expect(
        "python-librdkafka-old", exit=69, subject="confluent_kafka", cause=f"2.0.2, librdkafka_min_version is {least}"
    )


@pytest.mark.near_miss("python-librdkafka-old")
@pytest.mark.parametrize("least", ["2.0.2", "1.9", ""])
def test_librdkafka_that_is_new_enough(image, least):
    """A version that is not demanded is told all the same."""
    keys = {"librdkafka_min_version": least} if least else {"modules": ["client"]}
    check = image({"confluent_kafka": OLD, "client": "import confluent_kafka\n"}, **keys).passed()
    assert check["facts"]["librdkafka"] == "2.0.2"


@pytest.mark.produces("python-module-missing")
@pytest.mark.near_miss("python-module-broken", "python-librdkafka-old")
def test_missing(image):
    image(modules=["no_such_thing"]).expect(
        "python-module-missing", exit=69, phase="assert", subject="no_such_thing", cause="No module named 'no_such_thing'"
    )
    image({"libs": "", "libs.inner": ""}, modules=["libs.other"]).expect("python-module-missing", exit=69, subject="libs.other")
    image(modules=["none.at.all"]).expect("python-module-missing", subject="none.at.all", cause="No module named 'none'")
    image(distributions=["no-such-client >= 1"]).expect(
        "python-module-missing", exit=69, subject="no-such-client", cause=sys.executable
    )
    env = {"PYTHONPATH": None}
    image(interpreter="/usr/bin/python3", librdkafka_min_version="2.6.1", _env=env, working_directory="/").expect(
        "python-module-missing", subject="confluent_kafka"
    )


@pytest.mark.near_miss("python-forbidden")
def test_a_folder_of_that_name_is_no_distribution(image):
    image({"kafka": "", "kafka.own": ""}, forbidden=["kafka", "kafka-python"], modules=["kafka.own"]).passed()


@pytest.mark.produces("python-module-broken")
@pytest.mark.near_miss("python-module-missing")
@pytest.mark.parametrize(
    "text, cause",
    [
        ("import one_that_is_not_there\n", "No module named 'one_that_is_not_there' ("),
        ("\nraise ValueError('of no use')\n", "ValueError: of no use ("),
        ("from os import no_such_name\n", "ImportError: cannot import name 'no_such_name'"),
        ("def f(:\n", "SyntaxError"),
        ("import sys; sys.exit('not today')\n", "SystemExit: not today"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E()\n", "E: an error whose text cannot be made"),
        ("import os; os.write(2, b'bye'); os._exit(3)\n", "ended with status 3 while it was imported; last output: bye"),
        ("import os; os.kill(os.getpid(), 11)\n", "ended by signal 11"),
        ("raise ValueError('\\x1b[31m red \\n PASS  x')\n", "red PASS x"),
        ("exec(compile('1/0', '', 'exec'))", "ZeroDivisionError: division by zero"),
        ("raise ModuleNotFoundError('x', name=5)", "ModuleNotFoundError: x"),
        (
            "class M(type):\n    @property\n    def __name__(cls): raise ValueError\nclass E(Exception, metaclass=M): pass\nraise E()",
            "its import fails with ",
        ),
        ("raise ImportError('IMPORTANT: PLEASE READ THIS ' * 30)", "client.py:1)"),
        ("raise ValueError('bad byte \\0 in config')", "bad byte ? in config ("),
        (
            "import os, sys\nsys.stderr.write('warming up\\n' * 9000 + 'FATAL: driver too old\\n'); sys.stderr.flush(); os.abort()",
            "last output: FATAL: driver too old",
        ),
    ],
)
def test_broken(image, text, cause):
    """And the module behind it is looked at, too, unless the interpreter is gone."""
    files = {"libs": "", "libs.client": text}
    told = image(files, modules=["json", "libs.client", "none"]).expect(
        "python-module-broken", exit=69, subject="libs.client", cause=cause
    )["cause"]
    assert "the interpreter ended" in told or "none too: python-module-missing (ModuleNotFoundError" in told


@pytest.mark.produces("python-module-broken")
def test_what_an_interpreter_says_before_it_ends(image):
    text = "import os, traceback\ntry: 1/0\nexcept Exception: traceback.print_exc()\nprint('bye'); os._exit(3)\n"
    check = image({"client": text}, modules=["client"]).expect("python-module-broken")
    assert check["cause"].endswith("last output: ZeroDivisionError: division by zero"), check
    assert check["facts"]["output_1"] == "Traceback (most recent call last):", check


def test_the_place_is_told(image, guard):
    cause = image({"client": "\n\nimport inner\n", "inner": "\nx = 1 / 0\n"}, modules=["client"]).expect(
        "python-module-broken"
    )["cause"]
    assert f"ZeroDivisionError: division by zero ({guard.tmp}/site/inner.py:2)" in cause


@pytest.mark.produces("python-version")
@pytest.mark.near_miss("python-module-missing", "python-forbidden")
@pytest.mark.parametrize(
    "version, demand",
    [
        ("2.2.0", ">= 2.3"),
        ("2.3rc1", ">=2.3"),
        ("2.10", "< 2.9"),
        ("3.0.1", "~= 2.9"),
        ("2.3.1", "== 2.3"),
        ("2.3.post1", "!= 2.3.*"),
        ("2.5", ">= 2, != 2.5, < 3"),
        ("unknown", ">= 0"),
    ],
)
def test_version(image, version, demand):
    image({}, {"some-client": version}, distributions=[f"some-client {demand}"]).expect(
        "python-version", exit=69, subject="some-client", cause=f"{version} is installed, {demand} is demanded"
    )


@pytest.mark.produces("python-version")
def test_a_distribution_without_a_version(image, guard):
    """As one that was taken away halfway."""
    guard.write("site/some_client-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-client\n")
    image(distributions=["some-client"]).passed()
    image(distributions=["some-client >= 1"]).expect("python-version", cause="one without a version is installed")
    image(forbidden=["some-client < 1"]).expect("python-version", cause="cannot be determined")
    image(forbidden=["some-client"]).expect("python-forbidden")


@pytest.mark.produces("python-forbidden")
@pytest.mark.near_miss("python-version")
@pytest.mark.parametrize("forbidden", ["kafka-python", "kafka-python < 3.0.0", "Kafka.Python==2.0.*"])
def test_forbidden(image, forbidden):
    image({}, {"kafka-python": "2.0.2"}, forbidden=["not-there", forbidden]).expect(
        "python-forbidden", exit=69, subject=forbidden.split()[0].split("=")[0], cause="2.0.2 is installed"
    )


@pytest.mark.produces("python-forbidden")
def test_forbidden_behind_another(image, guard):
    """Only the first of two is imported, but the second is in the image all the same."""
    guard.write("more/kafka_python-2.0.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: kafka-python\nVersion: 2.0.2\n")
    both = {"PYTHONPATH": f"{guard.tmp}/site:{guard.tmp}/more"}
    image({}, {"kafka-python": "3.0.0"}, _env=both, distributions=["kafka-python >= 3"]).passed()
    image({}, _env=both, forbidden=["kafka-python < 3"]).expect("python-forbidden", cause="2.0.2 is installed")


@pytest.mark.produces("python-module-missing")
def test_all_that_is_wrong_in_one_start(image):
    cause = image(
        {"confluent_kafka": OLD, "bad": "1/0\n"},
        {"kafka-python": "2.0.2", "fastavro": "1.0"},
        modules=["none", "bad"],
        librdkafka_min_version="2.6.1",
        distributions=["gone", "fastavro > 1"],
        forbidden=["kafka-python"],
    ).expect("python-module-missing", exit=69, subject="gone")["cause"]
    for other in (
        "fastavro too: python-version (1.0 is installed, > 1 is demanded)",
        "kafka-python too: python-forbidden (2.0.2 is installed",
        "none too: python-module-missing (ModuleNotFoundError",
        "bad too: python-module-broken (its import fails with ZeroDivisionError",
        "confluent_kafka too: python-librdkafka-old (it brings librdkafka 2.0.2",
    ):
        assert other in cause
    assert cause.count(sys.executable) == 1


@pytest.mark.produces("python-interpreter-missing")
@pytest.mark.near_miss("python-module-missing", "exec-not-found", "exec-not-executable")
def test_interpreter(image, guard):
    image(interpreter="no-such-python", modules=["json"]).expect(
        "python-interpreter-missing", exit=69, phase="config", subject="no-such-python"
    )
    image(interpreter="/bin/false", modules=["json"]).expect(
        "python-interpreter-missing", cause="ended with status 1 before it ran a line of Python"
    )
    for link, to in (("bin-python", "bin-python3"), ("bin-python3", "/usr/local/bin/python3.99")):
        (guard.tmp / link).symlink_to(to)
    image(interpreter=guard.tmp / "bin-python", modules=["json"]).expect(
        "python-interpreter-missing", exit=69, cause="it is a link to /usr/local/bin/python3.99, which is not there"
    )
    script = guard.write("python", "#!/bin/sh\necho no encodings >&2; kill -ABRT $$\n")
    image(interpreter=script, modules=["json"]).expect("python-interpreter-missing", exit=69)
    script.chmod(0o755)
    image(interpreter=script, modules=["json"]).expect(
        "python-interpreter-missing",
        cause="ended by signal 6 (Aborted) before it ran a line of Python; last output: no encodings",
    )
    image(modules=["json"], working_directory="/nonexistent").expect(
        "python-interpreter-missing", subject="/nonexistent", hint="working_directory"
    )
    old = guard.write("old", "#!/bin/sh\neval \"printf 'python\\t3.7.2\\t/usr/bin/old\\ntoo old\\n' >&$4\"\n")
    old.chmod(0o755)
    image(interpreter=old, modules=["json"]).expect(
        "python-interpreter-missing", exit=69, cause="/usr/bin/old is Python 3.7.2: 3.8 or newer"
    )


def test_the_default_is_looked_up_in_path(image):
    path = {"PATH": f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin"}
    facts = image(interpreter="python3", modules=["pytest"], _env=path).passed()["facts"]
    assert pathlib.Path(facts["executable"]).parent == pathlib.Path(sys.executable).parent


def test_modules_of_the_services_folder(image, guard):
    """They come first, as for "python -m": one that hides another is found as the service finds it."""
    guard.write("app/json.py", "raise RuntimeError('hides the real one')\n")
    image(modules=["json"], working_directory=guard.tmp / "app").expect("python-module-broken", cause="hides the real one")
    guard.write("app/json.py", "import os\nassert os.environ['A'] == 'b' and os.getcwd().endswith('/app')\n")
    image(modules=["json"], working_directory=guard.tmp / "app", _env={"A": "b"}).passed()
    assert [path.name for path in (guard.tmp / "app").iterdir()] == ["json.py"], "a check writes nothing"


def test_what_modules_do_meanwhile(image, guard):
    """They print, start threads and processes, look at their arguments, go elsewhere."""
    noisy = """import os, subprocess, sys, threading, time
assert sys.argv == [""]
print("end", flush=True)
os.write(1, b"x" * 300000)
os.write(2, b"broken\\tclient\\tno\\n" * 1000)
threading.Thread(target=time.sleep, args=(1000,)).start()
subprocess.Popen(["sleep", "1000"])
os.chdir("/")
"""
    guard.write("app/local.py", "")
    image({"noisy": noisy}, modules=["noisy", "local", "json"], working_directory=guard.tmp / "app").passed()


@pytest.mark.produces("python-module-broken")
@pytest.mark.parametrize("then", ["", "files = [open(f'file{i}', 'w') for i in range(20)]"])
def test_a_module_that_closes_what_is_not_its_own(image, guard, then):
    """What it opens instead is its own: nothing is written there."""
    guard.write("app/closer.py", f"import os\nos.closerange(3, 256)\n{then}\n")
    image(modules=["closer", "json"], working_directory=guard.tmp / "app").expect(
        "python-module-broken", subject="closer", cause="it closes descriptors that are not its own"
    )
    assert all(not path.read_bytes() for path in guard.tmp.glob("app/file*"))


@pytest.mark.near_miss("python-module-broken", "python-version")
@pytest.mark.parametrize(
    "name", ["email", "random", "string", "importlib", "re", "zipfile", "pathlib", "json", "csv", "collections"]
)
def test_a_module_of_any_name(image, guard, name):
    """The service's own hide what the check itself would like to import."""
    guard.write(f"app/{name}.py", "ours = 1\n")
    guard.write("app/svc.py", f"import {name}\n")
    there = {"modules": ["svc"], "working_directory": guard.tmp / "app"}
    image({}, {"some-client": "1.0"}, distributions=["some-client >= 1"], forbidden=["other"], **there).passed()
    image(
        _env={"PYTHONPATH": f"{guard.tmp}/app:{guard.tmp}/site"}, distributions=["some-client >= 1"], modules=["svc"]
    ).passed()


@pytest.mark.produces("python-forbidden")
@pytest.mark.near_miss("python-module-broken")
def test_metadata_that_cannot_be_read(image, guard):
    """One of them does not stand for the others."""
    guard.write(
        "site/odd_one-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: odd-one\nVersion: 1.0\nAuthor: Andr\xe9\n"
    )
    image({}, {"kafka-python": "2.0.2"}, forbidden=["odd-two", "kafka-python"], modules=["json"]).expect("python-forbidden")
    image(distributions=["odd-one >= 1"], _env={"PYTHONWARNINGS": "error"}).expect(
        "python-version", cause="one without a version"
    )


@pytest.mark.produces("python-librdkafka-old")
@pytest.mark.near_miss("python-module-broken")
@pytest.mark.parametrize(
    "text, modules, version",
    [
        (OLD, ["confluent_kafka", "purge"], "2.0.2"),
        ("libversion = lambda: ('v2.0.2-12-gabcdef', 0x020002ff)\n", [], "2.0.2"),
        ("libversion = lambda: ('2024 nightly', 0x010905ff)\n", [], "1.9.5"),
    ],
)
def test_librdkafka_that_hides(image, text, modules, version):
    """A demand is never met by nothing."""
    image(
        {"confluent_kafka": text, "purge": "import sys\ndel sys.modules['confluent_kafka']\n"},
        modules=modules or ["json"],
        librdkafka_min_version="2.6.1",
    ).expect("python-librdkafka-old", exit=69, cause=f"it brings librdkafka {version}")


@pytest.mark.produces("python-module-broken")
@pytest.mark.near_miss("python-librdkafka-old")
@pytest.mark.parametrize(
    "text, cause",
    [
        ("", "cannot be determined: AttributeError"),
        ("def libversion(): return ('new', 'newer')\n", 'libversion() gives "new"'),
        ("libversion = lambda: None\n", "TypeError"),
        ("def libversion():\n    import os; os.abort()\n", "ended by signal 6 (Aborted) while it was asked for its librdkafka"),
        ("import os; os._exit(0)\n", "last output: none"),
    ],
)
def test_librdkafka_that_cannot_be_asked(image, text, cause):
    image({"confluent_kafka": text}, modules=["json"], librdkafka_min_version="2.6.1").expect(
        "python-module-broken", exit=69, subject="confluent_kafka", cause=cause
    )
    if "Error" in cause:
        image({"confluent_kafka": text}, modules=["confluent_kafka", "json"]).passed()


FALLBACK = "try:\n    import {}\nexcept ImportError:\n    pass\n"
LATE = "def f():\n    try:\n        import {}\n    except {}:\n        {}\n"


@pytest.fixture
def service(guard, image):
    """service(files, **keys) imports svc in a folder that has these modules."""

    def look(_files, **keys):
        for name, text in _files.items():
            guard.write(f"app/{name}.py", text)
        keys = {"modules": ["svc"], "working_directory": guard.tmp / "app"} | keys
        return image(**{key: value for key, value in keys.items() if value is not None})

    return look


def swallowed_of(check):
    facts = check["facts"]
    told = [value for key, value in facts.items() if key.startswith("swallowed_")]
    assert facts["swallowed"] >= len(told) == min(facts["swallowed"], 8)
    return told


@pytest.mark.produces("python-import-swallowed")
def test_swallowed(service):
    files = {"svc": "import json\n" + FALLBACK.format("none_such.deep")}
    service(files, swallowed="fail").expect(
        "python-import-swallowed",
        exit=69,
        phase="assert",
        subject="none_such.deep",
        cause="its import at svc.py:3 fails and is swallowed: ModuleNotFoundError: No module named 'none_such'",
    )
    check = service(files).passed()
    assert swallowed_of(check) == ["svc.py:3: none_such.deep: ModuleNotFoundError: No module named 'none_such'"]
    assert ", 1 swallowed import: none_such.deep at svc.py:3" in check["summary"]
    assert "swallowed" not in service(files, swallowed="off").passed()["facts"]


@pytest.mark.produces("python-import-swallowed")
@pytest.mark.parametrize(
    "files, told",
    [
        ({"svc": "import lib.inner\n", "lib/__init__": "", "lib/inner": FALLBACK.format("lib.gone")}, "lib/inner.py:2: lib.gone: "),
        ({"svc": FALLBACK.format("inner"), "inner": "import none_such\n"}, "svc.py:2: inner: ModuleNotFoundError: No module named 'none_such' ("),
        ({"svc": "try:\n    from json import loads\n    from inner import x\nexcept Exception: pass\n", "inner": "raise ImportError('off')"}, "svc.py:3: inner: ImportError: off ("),
        ({"svc": "import importlib\ntry: importlib.import_module('none_such')\nexcept ImportError: pass\n"}, "svc.py:2: none_such: "),
        ({"svc": LATE.format("none_such", "(ValueError, ImportError)", "pass")}, "svc.py:3: none_such: it is not installed; a function imports it"),
        ({"svc": LATE.format("json.none_such", "Exception", "return 1")}, "svc.py:3: json.none_such: it is not installed"),
        ({"svc": "import email\n" + LATE.format("none_such", "", "pass"), "email": "", "ast": "1/0\n", "re": "x = 1\n"}, "svc.py:4: none_such: "),
        ({"svc": "async def f():\n    try: __import__('none_such')\n    except ImportError: pass\n"}, "svc.py:2: none_such: "),
        ({"svc": "import pkg.a\n", "pkg/__init__": "", "pkg/a": LATE.format("x", "ImportError", "pass").replace("import x", "from .gone import x")}, "pkg/a.py:3: pkg.gone: "),
    ],
)  # fmt: skip
def test_where_imports_are_swallowed(service, files, told):
    check = service(files, swallowed="fail").expect("python-import-swallowed")
    assert check["facts"]["swallowed_1"].startswith(told) and check["facts"]["swallowed"] == 1, check


@pytest.mark.near_miss("python-import-swallowed", "python-module-missing")
@pytest.mark.parametrize(
    "text, keys",
    [
        (FALLBACK.format("none_such.deep"), {"may_lack": ["none_such"]}),
        (LATE.format("none_such.deep", "ImportError", "pass"), {"may_lack": ["none_such.deep"]}),
        (FALLBACK.format("inner"), {"may_lack": ["gone_from_inner"]}),
        (LATE.format("none_such", "ImportError", "raise RuntimeError"), {}),
        (LATE.format("none_such", "ValueError", "pass"), {}),
        (LATE.format("os.path, json.decoder", "ImportError", "pass"), {}),
        ("def f():\n    try:\n        def g():\n            import none_such\n    except ImportError: pass\n", {}),
        ("import lib\n", {}),  # of the image, not of the service
        ("try: import none_such\nexcept ImportError: import json\n", {"modules": ["json"]}),  # not imported
    ],
)
def test_imports_that_may_fail(service, image, guard, text, keys):
    guard.write("site/lib.py", FALLBACK.format("none_such"))
    guard.write("app/inner.py", "import gone_from_inner\n")
    assert swallowed_of(service({"svc": text}, swallowed="fail", **keys).passed()) == []


@pytest.mark.produces("python-module-broken")
@pytest.mark.near_miss("python-import-swallowed")
def test_an_import_that_fails_is_not_swallowed(service):
    """Neither is one that the service turns into another error."""
    for text in "import none_such\n", "try: import none_such\nexcept ImportError: raise ValueError('needed')\n":
        assert not swallowed_of(service({"svc": text}, swallowed="fail").expect("python-module-broken"))


def test_many_that_are_swallowed(service):
    text = "".join(FALLBACK.format(f"none_such_{n}") for n in range(12)) * 2 + "def f(:\n"
    service({"svc": text}, swallowed="fail").expect("python-module-broken")
    text = "".join(FALLBACK.format(f"none_such_{n}") for n in range(12)) + "open(__file__, 'w').write('try:\\n import (')\n"
    check = service({"svc": text}).passed()
    assert check["facts"]["swallowed"] == 12 and len(swallowed_of(check)) == 8, check
    assert check["facts"]["source_unread"].startswith("svc.py: SyntaxError"), check


@pytest.mark.near_miss("guard-deadline", "python-import-swallowed")
def test_nine_guards_at_once(guard):
    """As when a container starts its programs: nine interpreters, each of which needs the processor for a second."""
    text = "import time\nwhile time.process_time() < 1: pass\n" + LATE.format("json", "ImportError", "pass") * 500
    for n in range(9):
        guard.write(f"app/svc_{n}.py", text)
    profile = 'startguard = 1; python: {{ x: {{ interpreter = "{}"; modules = ["svc_{}"]; working_directory = "app"; }}; }};'
    for process in [guard.spawn(profile.format(sys.executable, n)) for n in range(9)]:
        result = process.result(timeout=60)
        assert result.status == "ready" and result.check()["attempts"] == 1
        alarms = [line for line in result.err.splitlines() if not line.startswith(("startguard", "PASS"))]
        assert not alarms, result.err


def test_two_kafka_clients(service, guard):
    guard.write("site/kafka.py", "")
    guard.write("site/confluent_kafka.py", OLD)
    text = "import kafka\n"
    check = service({"svc": text + "import other\n", "other": "def f():\n    import confluent_kafka\n"}).passed()
    assert check["facts"]["kafka_clients"] == "confluent_kafka (other.py:2), kafka (svc.py:1)"
    assert "more than one Kafka client: confluent_kafka (other.py:2), kafka (svc.py:1)" in check["summary"]
    assert "kafka_clients" not in service({"svc": text, "other": ""}).passed()["facts"]
    check = service({"svc": text + "import other\n", "kafka": ""}).passed()  # a module of the service's own
    assert "kafka_clients" not in check["facts"]


@pytest.mark.near_miss("python-call-failed", "python-import-swallowed")
def test_calls(service, guard):
    text = "import os\nX = 3\ndef load(name):\n    open(name + '.txt', 'w').close()\n    return os.getcwd()\n"
    calls = ["svc:load('a')", "other.inner: [X for y in 'ab' if X]", "svc:X == 4"]
    facts = service({"svc": text, "other/__init__": "", "other/inner": "from svc import X\n"}, calls=calls).passed()["facts"]
    assert (guard.tmp / "app/a.txt").exists()
    assert facts["called"] == 3 and facts["imported"] == 2 and facts["swallowed"] == 0, facts
    assert service({}, modules=None, calls=["json:dumps(1)"]).passed()["facts"]["called"] == 1


@pytest.mark.produces("python-call-invalid")
@pytest.mark.near_miss("python-call-failed")
@pytest.mark.parametrize(
    "call, cause",
    [
        ("svc:load(", "it raises SyntaxError: "),
        ("json:import os", "it raises SyntaxError: "),
        ("svc:nothing", "it raises NameError: name 'nothing' is not defined"),
    ],
)
def test_an_expression_that_is_none_is_not_waited_for(service, call, cause):
    service({"svc": ""}, calls=[call]).expect("python-call-invalid", exit=69, retryable=False, subject=call, cause=cause)


@pytest.mark.produces("python-call-failed")
@pytest.mark.near_miss("python-call-invalid")
@pytest.mark.parametrize(
    "call, cause",
    [
        ("svc:load('event')", "it raises FileNotFoundError: [Errno 2] No such file or directory: 'event' (/"),
        ("svc:lost()", "it raises NameError: name 'gone' is not defined (/"),
        ("svc:exec('(')", "it raises SyntaxError: "),
        ("svc:1/0", "it raises ZeroDivisionError: division by zero"),
        ("svc:__import__('sys').exit('no')", "it raises SystemExit: no"),
        ("svc:late()", "it raises TimeoutError: after 5 s (/"),
    ],
)
def test_calls_that_fail(service, call, cause):
    """The place is told, and what a thread of the client printed."""
    text = """import threading
def load(name):
    return open(name)
def send():
    raise TypeError("required argument is not an integer")
def late():
    thread = threading.Thread(target=send)
    thread.start()
    thread.join()
    raise TimeoutError("after 5 s")
def lost():
    return gone
"""
    check = service({"svc": text}, calls=["svc:load", call, "svc:1"], retry=False).expect(
        "python-call-failed", phase="assert", subject=call, cause=cause
    )
    place = {"svc:load('event')": "app/svc.py:3)", "svc:late()": "app/svc.py:10)"}.get(call, "")
    assert place in check["cause"] and check["facts"]["called"] == 2, check
    if "late" in call:
        assert check["cause"].endswith("app/svc.py:10); output: TypeError: required argument is not an integer")
        assert "TypeError: required argument is not an integer" in check["facts"].values()


def test_a_call_that_passes_later(guard):
    """As when a server is not there yet."""
    guard.write("svc.py", "import os\ndef join():\n    if not os.path.exists('x'): open('x', 'w'); raise OSError('not yet')\n")
    keys = f'interpreter = "{sys.executable}"; calls = ["svc:join()"]; working_directory = "{guard.tmp}";'
    assert guard.run(f"startguard = 1; python: {{ c: {{ {keys} }}; }};").passed()["attempts"] == 2


@pytest.mark.produces("guard-deadline", "python-module-broken")
@pytest.mark.near_miss("python-call-failed")
def test_calls_that_end_otherwise(service, guard):
    hang = service({"svc": "import time"}, calls=["svc:time.sleep(1000)"], attempt_timeout=guard.span(2), _limit=guard.span(2))
    hang.expect("guard-deadline", subject="svc:time.sleep(1000)", cause="still running at the deadline while it was evaluated")
    service({"svc": "import os"}, calls=["svc:os._exit(4)"]).expect(
        "python-module-broken", subject="svc:os._exit(4)", cause="ended with status 4 while it was evaluated"
    )
    check = service({"svc": "def f(: pass"}, calls=["svc:f()", "gone:f()"]).expect("python-module-broken", subject="svc")
    assert "gone too: python-module-missing" in check["cause"] and "python-call-failed" not in check["cause"]


# ---- the service's own client ----

KAFKA = """import logging, struct, threading, time
logging.getLogger("kafka").addHandler(logging.NullHandler())
class Record: partition, offset = 0, 7
class KafkaError(RuntimeError): retriable = False
class TopicAuthorizationFailedError(KafkaError): message = "TOPIC_AUTHORIZATION_FAILED"
class KafkaTimeoutError(KafkaError): pass
class KafkaConfigurationError(KafkaError): pass
class NoBrokersAvailable(KafkaError): retriable = True
class Future:
    def __init__(self, error): self.error = error
    def get(self, timeout):
        if self.error: raise self.error
        return Record
class KafkaProducer:
    def __init__(self, **settings):
        self.settings = settings
    def work(self):
        try: struct.pack(">h", self.settings["acks"])
        except Exception: logging.getLogger("kafka.sender").exception("uncaught error in the thread")
    def send(self, topic, value):
        if topic == "slow":
            logging.getLogger("kafka").warning("no node is ready")
            time.sleep(1000)
        thread = threading.Thread(target=self.work)
        thread.start()
        thread.join()
        late = TimeoutError("after 5 s") if self.settings["acks"] == "1" else None
        return Future(TopicAuthorizationFailedError(topic) if topic == "closed" else late)
"""
CONFLUENT = """class KafkaError:
    def __init__(self, name, text): self.name, self.str, self.retriable = lambda: name, lambda: text, lambda: False
class Message:
    partition, offset = lambda self: 2, lambda self: 9
class KafkaException(Exception): pass
class Topic: error = KafkaError("UNKNOWN_TOPIC_OR_PART", "Broker: Unknown topic or partition")
class Metadata: topics = {"gone": Topic}
class Producer:
    def __init__(self, settings):
        if settings.get("sasl.password") == "rotated": raise KafkaException(KafkaError("_AUTHENTICATION", "Local: Authentication failure"))
        self.reports = []
    def produce(self, topic, value, on_delivery):
        error = KafkaError("MSG_SIZE_TOO_LARGE", "Broker: Message size too large") if topic == "small" else None
        if topic != "gone": self.reports.append(lambda: on_delivery(error, None if error else Message()))
    def flush(self, seconds):
        for report in self.reports: report()
    def list_topics(self, topic, timeout): return Metadata
def libversion():
    return ('2.6.1', 0x020601ff)
"""
SERVICE = """import confluent_kafka, kafka
from kafka import KafkaProducer
class Service:
    def make(self, acks=1): return KafkaProducer(acks=acks)
def make(): return confluent_kafka.Producer({})
def broken(): raise KeyError("KAFKA_URL")
async def asynchronous(): pass
class Odd:
    def send(self, topic, value): return 1
def raise_(error): raise error
"""


@pytest.fixture
def produces(service, guard):
    """produces(client, topic, *properties) produces with a service's client, or with one of two libraries that need no broker."""

    def look(client, topic="canary", *properties, **keys):
        guard.write("site/kafka.py", KAFKA)
        guard.write("site/confluent_kafka.py", CONFLUENT)
        group = {"client": client, "topic": topic} | ({"properties": list(properties)} if properties else {})
        return service({"svc": SERVICE}, modules=None, produces=group, **keys)

    return look


@pytest.mark.near_miss("python-produce-failed", "kafka-topic-denied", "kafka-topic-missing")
@pytest.mark.parametrize(
    "client, properties, place",
    [
        ("svc:Service().make", (), "partition 0, offset 7"),
        ("svc:Service().make(acks=1)", (), "partition 0, offset 7"),
        ("svc:make", (), "partition 2, offset 9"),
        ("kafka", ("bootstrap.servers=k:9092", "acks=-1", "x=True"), "partition 0, offset 7"),
        ("confluent_kafka", ("bootstrap.servers=k:9092", "sasl.password=env:PW"), "partition 2, offset 9"),
    ],
)
def test_a_record_that_is_delivered(produces, client, properties, place):
    check = produces(client, "canary", *properties, _env={"PW": "the-secret-71"}).passed()
    assert check["facts"]["delivered"] == place and "record delivered to canary" in check["summary"], check


@pytest.mark.produces("python-produce-failed")
@pytest.mark.near_miss("python-call-failed", "auth-failed")
@pytest.mark.parametrize(
    "client, topic, cause",
    [
        ("svc:Service().make('1')", "canary", ("deliver a record: TimeoutError: after 5 s (", "; logged: struct.error: required argument is not an integer (", "site/kafka.py:")),
        ("svc:make", "small", ("deliver a record: MSG_SIZE_TOO_LARGE: Broker: Message size too large",)),
        ("svc:broken", "canary", ("KeyError: 'KAFKA_URL' (", "app/svc.py:6)")),
        ("svc:Odd()", "canary", ("TypeError: send of the client gives no future",)),
        ("svc:None", "canary", ("AttributeError: 'NoneType' object has no attribute 'send'",)),
    ],
)  # fmt: skip
def test_a_record_that_is_not_delivered(produces, client, topic, cause):
    check = produces(client, topic).expect("python-produce-failed", exit=69, phase="assert", subject=f"topic {topic}")
    assert all(one in check["cause"] for one in cause), check


@pytest.mark.produces("python-produce-unconfirmed")
@pytest.mark.near_miss("python-produce-failed")
@pytest.mark.parametrize(
    "error",
    [
        "kafka.NoBrokersAvailable()",
        "kafka.KafkaTimeoutError('Failed to update metadata after 60.0 secs.')",
        "ConnectionRefusedError(111, 'Connection refused')",
        "RuntimeError('the bus is not there')",
        "confluent_kafka.KafkaException(confluent_kafka.KafkaError('_TRANSPORT', 'Local: Broker transport failure'))",
        "confluent_kafka.KafkaException(confluent_kafka.KafkaError('NOT_ENOUGH_REPLICAS', 'Broker: Not enough in-sync replicas'))",
    ],
)
def test_brokers_that_do_not_answer_are_waited_for(produces, error):
    """What is not known for an error of the code may pass."""
    produces(f"svc:raise_({error})", retry=False).expect("python-produce-unconfirmed", retryable=True)


@pytest.mark.produces("python-produce-failed")
@pytest.mark.near_miss("python-produce-unconfirmed")
@pytest.mark.parametrize(
    "error",
    [
        "kafka.KafkaConfigurationError('acks')",
        "ValueError('acks')",
        "confluent_kafka.KafkaException(confluent_kafka.KafkaError('_INVALID_ARG', 'No such configuration property'))",
    ],
)
def test_a_client_that_is_wrong_is_not_waited_for(produces, error):
    produces(f"svc:raise_({error})").expect("python-produce-failed", exit=69, retryable=False)


@pytest.mark.produces(
    "python-produce-unconfirmed", "kafka-topic-denied", "kafka-topic-missing", "auth-failed", "python-module-missing"
)
def test_what_the_brokers_say(produces, guard):
    produces("svc:Service().make", "closed").expect("kafka-topic-denied", exit=69, cause="TOPIC_AUTHORIZATION_FAILED: Topic")
    produces("svc:make", "gone", retry=False).expect("kafka-topic-missing", cause="Unknown topic or partition")
    rotated = ("b=k", "sasl.password=env:PW")
    result = produces("confluent_kafka", "canary", *rotated, _env={"PW": "rotated"})
    result.expect("auth-failed", exit=69, cause="_AUTHENTICATION: KafkaException")
    produces("none_such:make").expect("python-module-missing", exit=69)
    slow = produces("svc:Service().make", "slow", attempt_timeout=guard.span(5), _limit=guard.span(5), retry=False)
    slow.expect("python-produce-unconfirmed", cause=" s; logged: no node is ready")


def test_secrets_of_a_client(produces, guard):
    """Only their references are arguments of the interpreter."""
    guard.write("password", "the-secret-71\n")
    keys = ("b=k", f"sasl.password=file:{guard.tmp}/password", "ssl.key.password=env:PW")
    shown = "confluent_kafka:exec('raise ValueError(open(\"/proc/self/cmdline\").read()[-190:])')"
    result = produces("confluent_kafka", "canary", *keys, calls=[shown], _env={"PW": "the-secret-72"}, retry=False)
    cause = result.expect("python-call-failed")["cause"]
    assert "/password" in cause and "ssl.key.password=env:PW" in cause, cause
    assert "the-secret" not in str(result)


@pytest.mark.parametrize(
    "group, problem",
    [
        ({"client": "svc", "topic": "t"}, "must be confluent_kafka, kafka, or MODULE:EXPRESSION"),
        ({"client": "kafka", "topic": "t"}, "needs properties with the addresses of brokers"),
        ({"client": "svc:make", "topic": "t", "properties": ["a=b"]}, "has properties, which only the clients"),
        ({"client": "kafka", "topic": "t", "properties": ["sasl.password=x"]}, "secret"),
    ],
)
def test_produces_that_are_wrong(guard, group, problem):
    guard.try_("python", produces=group).problem(problem, exit=77 if problem == "secret" else 64)


@pytest.mark.produces("python-import-swallowed")
def test_imports_that_calls_swallow(service):
    text = "def start():\n    name = 'none_such'\n    try: __import__(name)\n    except ImportError: return\n"
    service({"svc": text}, modules=None, calls=["svc:start()"], swallowed="fail").expect(
        "python-import-swallowed", subject="none_such", cause="svc.py:3"
    )


@pytest.mark.produces("python-module-missing")
def test_the_name_of_a_module_for_that_of_its_distribution(image, guard):
    """pip calls yaml PyYAML. Old distributions list their modules, new ones their files."""
    for name, path, text in (
        ("Py-Old", "top_level.txt", "_old\nold\n"),
        ("Py-New", "RECORD", "new.py,,\nfresh/__init__.py,,\n"),
    ):
        folder = f"site/{name.replace('-', '_')}-1.0.dist-info"
        guard.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        guard.write(f"{folder}/{path}", text)
    for module, name in (("old", "Py-Old"), ("new", "Py-New"), ("fresh", "Py-New")):
        image(distributions=[module]).expect(
            "python-module-missing", exit=69, cause=f"the module of this name is of the distribution {name}"
        )
    check = image(distributions=["none-such"]).expect("python-module-missing", exit=69)
    assert check["cause"].endswith("no distribution of this name is installed")
    image(modules=["json.tool.py"]).expect("python-module-missing", exit=69, cause="modules are named without .py")


@pytest.mark.produces("python-interpreter-missing")
def test_an_interpreter_without_its_library(image):
    """Python's own words, not those it ends with."""
    check = image(modules=["json"], interpreter="/usr/bin/python3", _env={"PYTHONHOME": "/nonexistent"}).expect(
        "python-interpreter-missing", exit=69, cause="with PYTHONHOME=/nonexistent; last output: Fatal Python error: "
    )
    assert "encoding" in check["cause"]  # 3.11: "init_fs_encoding: failed to ...", 3.13: "Failed to import encodings module"


@pytest.mark.produces("guard-deadline")
@pytest.mark.near_miss("python-module-broken", "python-interpreter-missing")
def test_an_import_that_hangs(image, guard):
    slow = {"slow": "import time\nprint('loading weights', flush=True)\ntime.sleep(1000)\n"}
    image(slow, modules=["json", "slow"], attempt_timeout=guard.span(3), _limit=guard.span(3)).expect(
        "guard-deadline",
        exit=124,
        subject="slow",
        cause="was still running at the deadline while it was imported; last output: loading weights",
    )


@pytest.mark.produces("python-module-missing")
@pytest.mark.near_miss("guard-deadline")
def test_what_was_wrong_before_an_import_that_hangs(image, guard):
    slow = {"slow": "import time\ntime.sleep(1000)\n"}
    image(slow, modules=["none", "slow"], attempt_timeout=guard.span(3)).expect(
        "python-module-missing",
        exit=69,
        subject="none",
        cause="slow too: guard-deadline (the interpreter was still running at the deadline while it was imported",
    )


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("modules", "a-b", "name of a module"),
        ("modules", ".a", "name of a module"),
        ("modules", "a..b", "name of a module"),
        ("modules", "a.", "name of a module"),
        ("modules", "1a", "name of a module"),
        ("modules", "a; import os", "name of a module"),
        ("distributions", "a > x", "none by PEP 440"),
        ("distributions", "a[b]", "extras"),
        ("distributions", ">= 1", "must begin with the name"),
        ("distributions", "a >= 1; x", "marker"),
        ("distributions", "a 1", "needs one of =="),
        ("distributions", "a ~= 1", "two or more"),
        ("distributions", "a > 1.*", "only == and !="),
        ("distributions", "a > 1+x", "only == and !="),
        ("forbidden", "-a", "begin and end"),
        ("forbidden", "a >= 1 2", "comma"),
        ("librdkafka_min_version", "new", "such as 7.0 or 2.6.1"),
        ("librdkafka_min_version", "2.6.1rc1", "such as 7.0 or 2.6.1"),
        ("librdkafka_min_version", "2, < 1", "such as 7.0 or 2.6.1"),
        ("distributions", "a === 1", "not taken"),
        ("may_lack", "a-b", "name of a module"),
        ("calls", "load()", "MODULE:EXPRESSION"),
        ("calls", "a-b:load()", "MODULE:EXPRESSION"),
        ("calls", "a.b: ", "MODULE:EXPRESSION"),
    ],
)
def test_bad_keys(guard, key, value, words):
    other = "" if key == "modules" else 'modules = ["json"];'
    keys = f'{key} = "{value}";' if key.startswith("lib") else f'{key} = ["{value}"];'
    guard.run(f"startguard = 1;\npython: {{ c: {{ {other}\n{keys} }}; }};", "-q").problem(f":3: python.c: {key}", words)


def test_nothing_to_look_at(guard):
    guard.run('startguard = 1; python: { c: { interpreter = "python3"; }; };').problem(
        "python.c", "give at least one of modules"
    )
    for keys in 'distributions = ["a"]', 'modules = ["json"]; swallowed = "off"':
        guard.run(f'startguard = 1; python: {{ c: {{ {keys}; may_lack = ["a"]; }}; }};').problem(
            "python.c.may_lack", "needs modules"
        )
