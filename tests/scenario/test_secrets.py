"""Secrets appear nowhere: a marker goes through every place that takes one, peers throw it back in every way they can,
and everything that leaves the guard is searched for it: stdout, stderr, reports of every format, the files it writes, what
any of its processes writes to anything but a socket (strace), arguments and environments.

Found counts: the marker or any 8 bytes of it in a row, as it is, percent-encoded, escaped as in JSON, C or HTML, in base64
wherever it begins, and its first four bytes anywhere.
"""

import base64
import contextlib
import html
import itertools
import json
import os
import re
import shlex
import sys
import time
import urllib.parse

import pytest

from fakes.certs import Authority, server_context
from fakes.http import HttpServer, Reply
from fakes.kafka import FakeKafka
from fakes.resp import RespServer, bulk, error
from fakes.tcp import TcpServer, refused_port, silent
from harness import settings

SECRET = 'Zq7/mK+9"x&Wv%eT=3pL~Ru'
QUOTED = urllib.parse.quote(SECRET, safe="")
QUOTED_LOWER = re.sub("%..", lambda m: m.group().lower(), QUOTED)
FORMATS = itertools.cycle(["text", "json", "junit", "tap", "prometheus"])
OWN_INPUT = ("secret", "profile", "wrapper", "trace")  # what the test itself writes


# ---- looking for it ----


def base64_cores(secret):
    """What of its base64 does not depend on what stands around it, for each of the three places it may begin at."""
    cores = set()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            data = encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
            begin, end = -(-8 * shift // 6), 8 * (shift + len(secret.encode())) // 6
            cores.add(data[begin:end])
    return cores


def unescaped(text):
    def one(match):
        found = match.group(1)
        if found[0] in "uUx":
            return chr(int(found[1:].strip("{}"), 16))
        if found[0] in "01234567":
            return chr(int(found, 8))
        return {"n": "\n", "t": "\t", "r": "\r"}.get(found, found)

    return re.sub(r"\\([ux]\{[0-9a-fA-F]{1,5}\}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", one, text)


def readings(text):
    """A text and what it says when its escapes are resolved, in any order, up to three deep."""
    seen, new = {text}, {text}
    for _ in range(3):
        new = {f(t) for t in new for f in (urllib.parse.unquote, html.unescape, unescaped)} - seen
        seen |= new
    return seen


def grams(text, n=8):
    return {text[i : i + n] for i in range(len(text) - n + 1)}


NEEDLES = grams(SECRET) | {SECRET[:4]} | set().union(*(grams(core) for core in base64_cores(SECRET)))


def leaks(text):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return sorted({needle for one in readings(text) for needle in NEEDLES if needle in one})


def hexed(text):
    return b"".join(bytes.fromhex(m.replace("\\x", "")) + b"\n" for m in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', text))


def writes_and_execs(trace, program):
    """From strace's file: (what startguard and its children wrote to anything but a socket, the argument lists of started
    programs, their environments), each as one text. What a command of a check or the service writes is its own affair."""
    born = {}
    for _ in range(3):  # a child's first lines may stand before the line that says whose child it is
        written, arguments, environments, runs = [], [], [], dict(born)
        for line in trace.read_text("latin-1").splitlines():
            call = re.match(r"(\d+)\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)", line)
            if not call:
                continue
            pid, name, rest = call.groups()
            if name == "execve" and "resumed" not in line:
                lists = re.findall(r"\[(.*?)\]", rest)
                arguments.append(hexed(lists[0]) if lists else b"")
                environments.append(hexed(lists[1]) if len(lists) > 1 else b"")
                if "= -1" not in rest:
                    runs[pid] = hexed(rest.partition(",")[0]).decode("utf-8", "replace").strip()
            elif name in ("clone", "clone3", "fork", "vfork"):
                if child := re.search(r"= (\d+)", rest):
                    born[child.group(1)] = runs.get(pid, program)
            elif runs.get(pid, program) == program and not re.match(r"\d+<(TCP|UDP|UNIX|NETLINK|socket)", rest):
                written.append(hexed(rest))
    assert written
    assert arguments
    return [b"".join(one).decode("utf-8", "replace") for one in (written, arguments, environments)]


class Watch:
    """Runs startguard under strace and looks at everything that came out of it."""

    def __init__(self, guard):
        self.guard = guard
        self.program = guard.path
        self.count = 0

    def run(self, text, *args, env={}, mode="prod", command=None, caller_has_it=False, **options):
        """`caller_has_it`: the caller put the secret into the environment, where the service finds it as well."""
        self.count += 1
        trace = self.guard.tmp / f"trace{self.count}"
        wrapper = self.guard.write(
            "wrapper",
            "#!/bin/sh\nexec strace -f -qq -v -xx -s 1000000 -yy -e signal=none "
            "-e trace=write,writev,pwrite64,pwritev,sendto,sendmsg,sendfile,execve,clone,clone3,fork,vfork "
            f'-o {shlex.quote(str(trace))} {shlex.quote(self.program)} "$@"\n',
        )
        wrapper.chmod(0o755)
        self.guard.path = str(wrapper)
        form = next(FORMATS)
        files = [] if form == "text" else ["--output", f"out.{self.count}"]
        try:
            result = self.guard.run(
                text,
                "--format",
                form,
                *files,
                "--termination-log",
                f"termination{self.count}",
                "--env-file",
                f"env{self.count}",
                *args,
                env=env,
                mode=mode,
                command=command,
                **options,
            )
        finally:
            self.guard.path = self.program
        self.judge(result, trace, caller_has_it)
        return result

    def judge(self, result, trace, caller_has_it):
        written, arguments, environments = writes_and_execs(trace, self.program)
        found = {
            "stdout": leaks(result.out),
            "stderr": leaks(result.err),
            "strace": leaks(written),
            "arguments": leaks(arguments),
        }
        if not caller_has_it:
            found["environment"] = leaks(environments)
        for path in self.guard.tmp.rglob("*"):
            if path.is_file() and not path.name.startswith(OWN_INPUT):
                found[path.name] = leaks(path.read_bytes())
        found = {where: what for where, what in found.items() if what}
        assert found == {}, f"{found}\n{result!r}"


@pytest.fixture
def watch(guard):
    return Watch(guard)


def test_the_watch_sees_what_leaks(guard):
    """A text that startguard does not take for a secret is seen wherever it goes, in every form."""
    watch = Watch(guard)
    found = {}
    watch.judge = lambda result, trace, _: found.update(
        zip(("written", "arguments", "environment"), writes_and_execs(trace, guard.path)), err=result.err
    )
    words = SECRET.replace('"', "'").replace("&", "+")
    watch.run(f'startguard = 1; file: {{ f: {{ path = "/nowhere/{words}"; retry = false; }}; }};')
    for where in ("written", "err"):
        assert words in found[where], where
    watch.run('startguard = 1; file: { f: { path = "/"; }; };', command=["/bin/echo", words], env={"A": words})
    assert words in found["arguments"]
    assert words in found["environment"]
    for form in (
        SECRET,
        QUOTED,
        QUOTED_LOWER,
        json.dumps(SECRET),
        html.escape(SECRET),
        base64.b64encode(b"a:" + SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"ab:" + SECRET.encode()).decode(),
        "".join(f"%{b:02x}" for b in SECRET.encode()),
        "".join(f"\\u{b:04X}" for b in SECRET.encode()),
        *FORMS,
        SECRET[5:13],
        SECRET[:4],
        urllib.parse.quote(QUOTED),
    ):
        assert leaks(f"text {form} text"), form
    assert not leaks("connect: Connection refused; HTTP status 401 to the credentials; the body: it begins with: ***")


# ---- throwing it back ----


def forms_of(secret, user="probe"):
    """As peers spell what they were sent."""
    pair = f"{user}:{secret}".encode()
    return [
        secret,
        urllib.parse.quote(secret, safe=""),
        QUOTED_LOWER,
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        html.escape(secret),
        "".join(f"\\u{b:04x}" for b in secret.encode()),
        *(base64.b64encode(p).decode() for p in (secret.encode(), pair, b"a:" + secret.encode(), b"ab:" + secret.encode())),
        *(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in (secret.encode(), pair, b"a:" + secret.encode())),
        *("".join(spelling % b for b in secret.encode()) for spelling in ("&#%d;", "&#x%X;", "\\%03o", "\\U%08x", "\\u{%x}")),
    ]


FORMS = forms_of(SECRET)
BLOB = "; ".join(FORMS)


def cut_at(n, form):
    """A text of which a limit of n bytes leaves half the form."""
    return "x" * (n - len(form) // 2) + form


# What an HTTP server answers, by path.
ANSWERS = {
    "/ok": lambda: Reply(body="fine"),
    "/401": lambda: Reply(401, BLOB),
    "/403": lambda: Reply(403, {"error": SECRET, "message": BLOB, "error_code": 40301}),
    "/500": lambda: Reply(500, {"errors": [{"message": BLOB}], "message": SECRET, "code": SECRET}),
    "/cut": lambda: Reply(500, cut_at(119, SECRET)),
    "/cut64": lambda: Reply(500, cut_at(119, FORMS[10])),
    "/json": lambda: Reply(body={"result": SECRET, SECRET: BLOB, "schema": SECRET}),
    "/html": lambda: Reply(body=f"<html>{html.escape(SECRET)} {BLOB}</html>", content_type="text/html"),
    "/redirect": lambda: Reply(302, headers={"Location": f"http://probe:{QUOTED}@127.0.0.1:1/{QUOTED}?token={QUOTED}"}),
    "/away": lambda: Reply(302, headers={"Location": f"/{FORMS[9]}"}),
    "/reason": lambda: Reply(raw=f"HTTP/1.1 500 {SECRET}\r\nX-Echo: {SECRET}\r\ncontent-length: 3\r\n\r\nno\n".encode()),
    "/garbage": lambda: Reply(raw=f"{SECRET} {BLOB}\r\n\r\n".encode()),
    "/type": lambda: Reply(body="x", content_type=SECRET.replace('"', "") + "; " + BLOB),
    "/metric": lambda: Reply(body=f'# TYPE {SECRET} counter\nup{{a="{SECRET}"}} {SECRET}\n{BLOB}\n'),
    "/truncated": lambda: Reply(body=BLOB * 3, truncate=len(BLOB)),
    "/closed": lambda: Reply(raw=b""),
}


@pytest.fixture
def web():
    def answer(request):
        first = "/" + request.path.split("/")[1]
        return ANSWERS.get(first, ANSWERS["/500"])()

    with HttpServer({"*": answer}) as server:
        yield server


class Refs:
    """Gives the secret, or a text that holds it, in the way under test."""

    def __init__(self, guard, how):
        self.guard, self.how, self.env = guard, how, {}
        self.mode = "dev" if how == "literal" else "prod"

    def __call__(self, value=SECRET):
        if self.how == "literal":
            return value
        n = len(list(self.guard.tmp.glob("secret*"))) + len(self.env)
        if self.how == "file":
            return f"file:{self.guard.write(f'secret{n}', value + chr(10))}"
        self.env[f"MARKER_{n}"] = value
        return f"${{MARKER_{n}}}" if self.how == "variable" else f"env:MARKER_{n}"

    def options(self):
        return {"env": self.env, "mode": self.mode, "caller_has_it": self.how in ("env", "variable")}


@pytest.fixture(params=["env", "file", "variable", "literal"])
def refs(request, guard):
    return Refs(guard, request.param)


def group(kind, checks):
    """One check for each entry, in one profile: none is tried twice."""
    return (
        f"startguard = 1; {kind}: {{ "
        + " ".join(f"{name}: {{ {settings(**keys)} retry = false; }};" for name, keys in checks.items())
        + " };"
    )


PLACES = {"token": lambda refs: {"token": refs()}, "password": lambda refs: {"username": "probe", "password": refs()}}
HEADERS = {
    "api-key": lambda refs: {"headers": [f"X-Api-Key: {refs()}"]},
    "authorization": lambda refs: {"headers": [f"Authorization: {refs()}"]},
    "cookie": lambda refs: {"headers": [f"Cookie: {refs()}", "Accept: */*"]},
}
KEYS = {
    "http": {"json": [{"at": "/result", "equals": "1"}]},
    "opa": {"decisions": [{"path": "x/y", "equals": True}], "health": ["bundles"]},
    "schema_registry": {"subjects": ["orders-value"]},
    "metrics": {"families": [{"name": "up", "min": 1}]},
}


def checks_of(kind, url, more):
    """A check of this kind for each answer."""
    return {"to" + path.replace("/", "_"): {"url": url + path, **KEYS[kind], **more()} for path in ANSWERS}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("place", PLACES)
def test_web_kinds(watch, web, refs, kind, place):
    text = group(kind, checks_of(kind, web.url, lambda: PLACES[place](refs)))
    result = watch.run(text, "-v", **refs.options())
    assert result.code in (69, 124)
    assert len(web.requests) >= len(ANSWERS)  # the secret was really sent
    sent = [r.headers.get("authorization", "") for r in web.requests]
    assert all(
        one in (f"Bearer {SECRET}", "Basic " + base64.b64encode(f"probe:{SECRET}".encode()).decode()) for one in sent if one
    )
    assert any(sent)


@pytest.mark.parametrize("place", HEADERS)
def test_headers(watch, web, refs, place):
    checks = checks_of("http", web.url, lambda: HEADERS[place](refs))
    checks["to_ok"].pop("json")
    result = watch.run(group("http", checks), "-v", **refs.options())
    assert result.check("http.to_ok")["outcome"] == "pass"
    assert any(SECRET in r.headers.values() for r in web.requests)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("where", ["password", "user", "query"])
def test_urls(watch, web, refs, kind, where):
    """The user part of a URL; and, where the URL as a whole is a reference, its query."""
    if where == "query" and refs.how == "literal":
        refs.how, refs.mode = "env", "dev"  # in a profile's own text a query is not a secret

    def url(path):
        user = {"password": f"probe:{QUOTED}@", "user": f"{QUOTED}@", "query": ""}[where]
        return f"http://{user}{web.address}{path}" + (f"?key={QUOTED}" if where == "query" else "")

    checks = {"to" + path.replace("/", "_"): {"url": refs(url(path)), **KEYS[kind]} for path in ANSWERS}
    watch.run(group(kind, checks), "-v", **refs.options())
    if where == "query" and kind in ("opa", "schema_registry"):  # their urls take no query: nothing is asked
        assert not web.requests
    else:
        assert len(web.requests) >= len(ANSWERS)


def test_cut_at_every_place(guard, web, watch):
    """Bodies are quoted up to some length: wherever that falls in the secret, no half of it is left."""
    guard.write("secret0", SECRET)
    for form in (SECRET, QUOTED, FORMS[9], FORMS[10]):
        web.routes = {f"/{k}": Reply(500, "x" * k + form + " and more") for k in range(119 - len(form) - 3, 125)}
        checks = {f"c{path[1:]}": {"url": web.url + path, "token": f"file:{guard.tmp}/secret0"} for path in web.routes}
        assert watch.run(group("http", checks)).code == 69


def test_failures_before_an_answer(guard, watch, refs, tmp_path):
    """Nobody there, silence, no TLS, a certificate of strangers that spells the secret, a file that is none."""
    plain = Authority(tmp_path).issue("127.0.0.1", SECRET.replace('"', "").replace("/", ""))
    with (
        HttpServer({"*": "x"}, tls=server_context(plain)) as strange,
        HttpServer({"*": "x"}) as open_text,
        TcpServer(silent) as mute,
    ):
        checks = {
            "refused": {"url": f"http://127.0.0.1:{refused_port()}/", "token": refs()},
            "silent": {"url": f"http://{mute.address}/", "token": refs(), "attempt_timeout": "400ms"},
            "strange": {"url": strange.url + "/", "token": refs()},
            "plain": {"url": f"https://{open_text.address}/", "token": refs()},
            "files": {"url": strange.url + "/", "token": refs(), "ca_file": "/nonexistent"},
            "unknown": {"url": "http://no-such-name.invalid/", "token": refs()},
        }
        result = watch.run(group("http", checks), "-v", **refs.options())
    assert [c["outcome"] for c in result.checks if c["name"] != "unknown"] == ["fail"] * 5


@pytest.mark.parametrize("password", ["refused123", "Connection-4711"])
def test_a_weak_password_takes_no_words_out_of_messages(guard, password):
    """Words that it begins with stay in a text that was not cut."""
    port = refused_port()
    result = guard.run(
        f'startguard = 1; redis: {{ r: {{ url = "redis://localhost:{port}"; password = "env:PASS"; retry = false; }}; }};',
        env={"PASS": password},
    )
    assert "Connection refused" in result.expect("connect-refused", exit=69)["cause"]
    assert password not in result.err


@pytest.mark.parametrize("place", [*PLACES, *HEADERS])
def test_other_hosts_do_not_get_it(watch, refs, place):
    """A redirect must not make a check hand its secret to somebody else."""
    with HttpServer({"*": "fine"}) as other:
        with HttpServer({"/": Reply(302, headers={"Location": other.url + "/there"})}) as first:
            checks = {"h": {"url": first.url + "/", "follow": 3, **{**PLACES, **HEADERS}[place](refs)}}
            assert watch.run(group("http", checks), **refs.options()).passed()
            assert any(
                SECRET in v or base64.b64encode(f"probe:{SECRET}".encode()).decode() in v
                for v in first.requests[0].headers.values()
            )
    assert len(other.requests) == 1
    assert [leaks(f"{name}: {value}") for name, value in other.requests[0].headers.items()] == [[]] * len(
        other.requests[0].headers
    )


# ---- redis ----

REDIS = {
    "ok": {},
    "echo": {"AUTH": lambda args: error(f"ERR unknown command 'AUTH', with args beginning with: '{args[-1]}' {BLOB}")},
    "wrong": {"AUTH": lambda args: error(f"WRONGPASS {BLOB}")},
    "none": {"AUTH": lambda args: error(f"ERR AUTH <password> called without any password configured: {args[-1]}")},
    "later": {"PING": error(f"LOADING {BLOB}"), "INFO": error(f"NOPERM {BLOB}"), "ROLE": error(BLOB)},
    "info": {"INFO": bulk(f"redis_version:{SECRET}\r\nrole:{SECRET}\r\nmaxmemory_policy:{SECRET}\r\n")},
    "garbage": {"AUTH": lambda args: f"HTTP/1.1 400 {args[-1]}\r\n\r\n{BLOB}".encode()},
    "greeting": {"": error(f"ERR max number of clients reached {BLOB}")},
}


@pytest.mark.parametrize("place", ["password", "username", "url-password", "url-user-password", "wrong-password"])
def test_redis(watch, refs, place):
    checks, more = {}, {"role": "master", "min_version": "6.0", "maxmemory_policy": "noeviction"}
    with contextlib.ExitStack() as stack:
        for name, script in REDIS.items():
            known = "another" if place == "wrong-password" else SECRET
            server = stack.enter_context(RespServer(script, password={"default": known, "probe": known}))
            url = f"redis://{server.address}"
            if place == "username":
                checks[name] = {"url": url, "username": "probe", "password": refs(), **more}
            elif place == "url-password":
                checks[name] = {"url": refs(f"redis://:{QUOTED}@{server.address}"), **more}
            elif place == "url-user-password":
                checks[name] = {"url": refs(f"redis://probe:{QUOTED}@{server.address}"), **more}
            else:
                checks[name] = {"url": url, "password": refs(), **more}
        result = watch.run(group("redis", checks), "-v", **refs.options())
    assert result.check("redis.ok")["outcome"] == ("fail" if place == "wrong-password" else "pass")


# ---- kafka ----


def kafka_properties(refs, mechanism, **more):
    return [
        "security.protocol=sasl_plaintext",
        f"sasl.mechanism={mechanism}",
        "sasl.username=probe",
        f"sasl.password={refs()}",
        *(f"{name}={value}" for name, value in more.items()),
    ]


def test_wire_format_login(watch, refs):
    with FakeKafka(mechanisms=["PLAIN"], users={"probe": "other"}) as bad:
        bad.auth_text = BLOB
        keys = {
            "bootstrap_servers": [bad.bootstrap],
            "topic": "orders",
            "expect": "json",
            "properties": kafka_properties(refs, "PLAIN"),
        }
        result = watch.run(group("wire_format", {"bad": keys}), "-v", **refs.options())
    assert result.check()["code"] == "auth-failed"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_kafka_login(watch, refs, mechanism):
    with (
        FakeKafka(mechanisms=[mechanism], users={"probe": SECRET}, strict_nonce=False) as good,
        FakeKafka(mechanisms=[mechanism], users={"probe": "other"}) as bad,
        FakeKafka(mechanisms=[mechanism], users={"probe": "other"}) as short,
    ):
        bad.auth_text = f"Authentication failed: invalid credentials {BLOB}"
        short.auth_text = cut_at(400, SECRET)
        checks = {
            name: {"bootstrap_servers": [kafka.bootstrap], "properties": kafka_properties(refs, mechanism)}
            for name, kafka in (("good", good), ("bad", bad), ("short", short))
        }
        result = watch.run(group("kafka", checks), "-v", **refs.options())
    assert result.check("kafka.good")["outcome"] == "pass"
    assert result.check("kafka.bad")["outcome"] == "fail"


@pytest.mark.parametrize("style", ["librdkafka", "java"])
def test_kafka_properties_file(guard, watch, style):
    lines = ["security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN"]
    if style == "java":
        lines += [
            'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="probe" '
            f'password="{SECRET.replace(chr(34), "")}";'
        ]
    else:
        lines += ["sasl.username=probe", f"sasl.password={SECRET}"]
    file = guard.write("secret.properties", "\n".join(lines) + "\n")
    with FakeKafka(mechanisms=["PLAIN"], users={"probe": "other"}) as bad:
        bad.auth_text = BLOB
        result = watch.run(group("kafka", {"bad": {"bootstrap_servers": [bad.bootstrap], "properties_file": str(file)}}), "-v")
    assert result.check()["code"] in ("auth-failed", "kafka-property")


def test_kafka_values_that_the_library_refuses(watch, refs):
    """librdkafka quotes what it does not like."""
    with FakeKafka() as kafka:
        checks = {
            f"c{i}": {"bootstrap_servers": [kafka.bootstrap], "properties": [f"{name}={refs()}", *more]}
            for i, (name, more) in enumerate(
                [
                    ("ssl.key.password", ["security.protocol=ssl", "ssl.key.location=/nonexistent"]),
                    ("ssl.key.pem", ["security.protocol=ssl"]),
                    ("ssl.keystore.password", ["security.protocol=ssl", "ssl.keystore.location=/etc/hostname"]),
                    ("sasl.oauthbearer.client.secret", ["security.protocol=sasl_plaintext", "sasl.mechanism=OAUTHBEARER"]),
                    ("no.such.password", []),
                    ("acks", []),
                    ("client.id", []),
                    ("sasl.password", ["acks=wrong"]),
                ]
            )
            if refs.how != "literal" or name not in ("acks", "client.id")
        }
        result = watch.run(group("kafka", checks), "-v", **refs.options())
    assert "kafka-property" in result.codes()


# ---- commands ----


@pytest.mark.parametrize(
    "words",
    [
        "env",
        "env >&2",
        "echo $DB_PASSWORD | base64",
        "echo \"login with '$DB_PASSWORD' failed\" >&2",
        'printf %s "$DB_PASSWORD" | head -c 12',
    ],
)
def test_what_a_command_says_of_the_services_secrets(watch, words):
    """They are in its environment under names that tell, and it may print them."""
    for keys in ({}, {"stdout_contains": "never"}, {"status": 0}):
        text = group("exec", {"c": {"command": ["/bin/sh", "-c", f"{words}; exit 3"], "status": 3, **keys}})
        result = watch.run(text, "-v", env={"DB_PASSWORD": SECRET, "API_TOKEN": SECRET}, caller_has_it=True)
        assert result.code == (0 if not keys else 69)


@pytest.mark.parametrize(
    "line",
    [
        "print(SECRET)",
        "raise ValueError('login with ' + SECRET + ' failed')",
        "import sys; sys.exit(SECRET)",
        "import base64; raise KeyError(base64.b64encode(SECRET.encode()))",
        "print(SECRET); import os; os.abort()",
        "import no_such_thing",
    ],
)
def test_what_a_module_says_of_the_services_secrets(watch, line):
    """Modules find them in the environment, and an error has them in its text."""
    watch.guard.write("app/client.py", f"import os\nSECRET = os.environ['DB_PASSWORD']\n{line}\n")
    keys = {
        "interpreter": sys.executable,
        "modules": ["client"],
        "working_directory": str(watch.guard.tmp / "app"),
        "attempt_timeout": "30s",
    }
    result = watch.run(group("python", {"c": keys}), "-v", env={"DB_PASSWORD": SECRET}, caller_has_it=True)
    assert result.code == (0 if line.startswith("print(SECRET)") and "abort" not in line else 69)


# ---- profiles and their problems ----

LITERALS = [
    ("http", f'url = "http://probe:{QUOTED}@127.0.0.1:1/";'),
    ("http", f'url = "http://probe:{QUOTED}@127.0.0.1:99999/";'),
    ("http", f'url = "http://probe:{QUOTED}@/";'),
    ("http", f'url = "ftp://probe:{QUOTED}@host/";'),
    ("http", f'url = "http://probe:{QUOTED}%zz@host/";'),
    ("http", f'url = "http://h/"; token = "{QUOTED}";'),
    ("http", f'url = "http://h/"; username = "u"; password = ("{QUOTED}");'),
    ("http", f'url = "http://h/"; headers = ["Authorization {QUOTED}"];'),
    ("http", f'url = "http://h/"; headers = ["Authorization: {QUOTED}"];'),
    ("http", f'url = "http://h/"; proxy = "http://probe:{QUOTED}@proxy:3128";'),
    ("http", f'url = "probe:{QUOTED}@host";'),
    ("tcp", f'address = "probe:{QUOTED}@127.0.0.1:1";'),
    ("tcp", f'address = "redis://:{QUOTED}@127.0.0.1:1";'),
    ("redis", f'url = "redis://:{QUOTED}@127.0.0.1:1/notanumber";'),
    ("redis", f'url = "http://:{QUOTED}@127.0.0.1:1";'),
    ("redis", f'sentinels = ["probe:{QUOTED}@s:26379"]; master_name = "m";'),
    ("kafka", f'bootstrap_servers = ["probe:{QUOTED}@k:9092"];'),
    ("kafka", f'bootstrap_servers = ["k:9092"]; properties = ["sasl.password {QUOTED}"];'),
    ("kafka", f'bootstrap_servers = ["k:9092"]; properties = ["sasl.password={QUOTED}"];'),
    ("schema_registry", f'url = ["http://probe:{QUOTED}@127.0.0.1:1", "http://:{QUOTED}@"];'),
    ("opa", f'url = "http://probe:{QUOTED}@127.0.0.1:1"; token = "{QUOTED}";'),
    ("metrics", f'url = "http://probe:{QUOTED}@127.0.0.1:1"; url2 = "http://probe:{QUOTED}@127.0.0.1:1";'),
]


@pytest.mark.parametrize("mode", ["dev", "prod"])
@pytest.mark.parametrize("kind, keys", LITERALS)
def test_literals_in_a_profile(guard, kind, keys, mode):
    """Refused or warned of, wrong or right: the value is in no message, and show gives no more than that there is one."""
    text = f'startguard = 1; {kind}: {{ x: {{ {keys} retry = false; timeout = "1s"; }}; }};'
    file = guard.write("profile.cfg", text)
    for words in (
        ["lint", file],
        ["show", "-p", file, "-m", mode],
        ["run", "-p", file, "-m", mode, "--termination-log", "none", "-t", "1s"],
    ):
        result = guard.cli(*words, raw=True)
        assert leaks(result.out + result.err) == [], result
        assert result.err or result.out


@pytest.mark.parametrize("mode", ["dev", "prod"])
def test_interpolated_into_a_url(guard, mode):
    file = guard.write(
        "profile.cfg", 'startguard = 1; http: { x: { url = "http://probe:${PASS}@127.0.0.1:1/"; retry = false; }; };'
    )
    for word in ("show", "run", "lint"):
        result = guard.cli(word, *([] if word == "lint" else ["-m", mode, "-p"]), file, env={"PASS": QUOTED}, raw=True)
        assert leaks(result.out + result.err) == []
    assert result.err


@pytest.mark.parametrize(
    "url",
    [
        "http://probe:{}@127.0.0.1:1/",
        "redis://:{}@127.0.0.1:1",
        "kafka://u:{}@127.0.0.1:1/t",
        "http://{}@:/",
        "tcp://u:{}@127.0.0.1:1",
        "opa+http://u:{}@127.0.0.1:1/v1/data/x",
        "file://u:{}@/x",
        "dns://u:{}@name",
    ],
)
@pytest.mark.parametrize("mode", ["dev", "prod"])
def test_waits_given_as_urls(guard, url, mode):
    """On the command line they are everybody's to see already; the messages add nothing."""
    result = guard.cli("run", "-m", mode, "-w", url.format(QUOTED), "-t", "300ms", "--termination-log", "none", raw=True)
    assert leaks(result.out + result.err) == []
    assert result.code in (64, 69, 77, 78, 124)


def test_show_names_references_only(guard):
    text = f"""startguard = 1; http: {{ x: {{ url = "env:THE_URL"; token = "env:THE_TOKEN"; headers = ["X-Api-Key: env:THE_KEY"]; }}; }};
        redis: {{ r: {{ url = "redis://h"; password = "file:{guard.write("secret0", SECRET)}"; }}; }};"""
    result = guard.cli(
        "show",
        "-p",
        guard.write("profile.cfg", text),
        env={"THE_URL": f"http://u:{QUOTED}@h/", "THE_TOKEN": SECRET, "THE_KEY": SECRET},
    )
    assert leaks(result.out + result.err) == []
    for word in ("env:THE_URL", "env:THE_TOKEN", "env:THE_KEY", "secret0"):
        assert word in result.out


def test_in_this_very_process(guard, web):
    guard.write("secret0", SECRET)
    for path in ANSWERS:
        result = guard.cli("try", "http", f"url={web.url}{path}", f"token=file:{guard.tmp}/secret0", "--in-process")
        assert leaks(result.out + result.err) == []
    assert SECRET in web.requests[0].headers["authorization"]


# ---- processes ----


def test_no_process_shows_it(guard):
    """Arguments, environments and names of everything that runs, while an attempt that has read the secret hangs."""
    guard.write("secret0", SECRET)
    with (
        RespServer({"PING": lambda _: silent, "INFO": lambda _: _forever(stop), "AUTH": lambda _: _forever(stop)}) as redis,
        HttpServer({"*": Reply(body="x", delay=30)}) as web,
        FakeKafka(mechanisms=["PLAIN"], users={"probe": SECRET}) as kafka,
    ):
        stop = redis.stopping
        kafka.mute.add(36)  # SaslAuthenticate
        ref = f"file:{guard.tmp}/secret0"
        text = (
            group("http", {"h": {"url": web.url + "/", "token": ref, "attempt_timeout": "20s"}})
            + group("redis", {"r": {"url": redis.url, "password": ref, "attempt_timeout": "20s"}}).partition(";")[2]
            + group(
                "kafka",
                {
                    "k": {
                        "bootstrap_servers": [kafka.bootstrap],
                        "attempt_timeout": "20s",
                        "properties": kafka_properties(lambda: ref, "PLAIN"),
                    }
                },
            ).partition(";")[2]
        )
        with guard.spawn(text) as process:
            web.wait_for_requests()
            redis.wait_for_command("AUTH")
            end = time.monotonic() + guard.scale(15)
            while len(pids := guard.processes()) < 4:  # the guard and a child for each check
                assert time.monotonic() < end
                time.sleep(0.01)
            for pid in pids:
                for name in ("cmdline", "environ", "comm", "status"):
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        assert leaks(file.read()) == [], f"{pid} {name}"
            process.terminate()
            assert process.result().code == 143


def _forever(stop):
    stop.wait(30)
    return b""


def test_short_values_are_left(guard):
    """Three characters are in every other word: taking them out would leave no message readable. Said in docs/security.md."""
    with HttpServer({"*": Reply(500, "abc and abcd")}) as web:
        guard.write("secret0", "abc")
        guard.write("secret1", "abcd")
        check = guard.try_("http", url=f"{web.url}/", token=f"file:{guard.tmp}/secret0", retry=False).expect("http-status")
        assert "abc and abcd" in check["cause"]
        check = guard.try_("http", url=f"{web.url}/", token=f"file:{guard.tmp}/secret1", retry=False).expect("http-status")
        assert "abc and ***" in check["cause"]


def test_what_the_service_gets_is_what_the_caller_gave(guard, watch):
    """Not a name more with the secret in it."""
    guard.write("secret0", SECRET)
    with HttpServer({"*": "fine"}) as web:
        text = group("http", {"h": {"url": web.url + "/", "token": f"file:{guard.tmp}/secret0"}})
        result = watch.run(text, command=["/usr/bin/env"])
    assert result.code == 0
    assert "STARTGUARD_STATUS=ready" in result.out
    assert os.path.exists(guard.tmp / "secret0")


# ---- what ${NAME} takes out of variables ----

FROM_A_VARIABLE = {
    "command": 'exec: {{ x: {{ command = ["/bin/echo", "-p{0}", "x"]; stdout_contains = "nothing"; retry = false; }}; }};',
    "body": 'http: {{ x: {{ url = "{1}/500"; method = "POST"; body = "a={0}"; retry = false; }}; }};',
    "path": 'http: {{ x: {{ url = "{1}/404/{0}?q={0}"; retry = false; }}; }};',
    "wrong": 'http: {{ x: {{ url = "{1}/ok"; method = "{0}"; timeout = "{0}"; }}; }};',
    "words": """file: {{ x: {{ path = "/nowhere/{0}"; description = "d {0}"; required = false; degraded = "without {0}"; retry = false; }}; }};
        service = "s-{0}";""",
}


@pytest.mark.parametrize("where", FROM_A_VARIABLE)
@pytest.mark.parametrize("name", ["DB_PASS", "SIGNING_KEY", "MYSQL_PWD", "GITHUB_PAT"])
def test_a_variable_with_such_a_name_is_a_secret_wherever_it_is_filled_in(watch, web, where, name):
    """Also in the parent, which prints such texts itself."""
    secret = re.sub(r'["&%=~]', "", SECRET)
    text = "startguard = 1; " + FROM_A_VARIABLE[where].format("${" + name + "}", web.url)
    env = {name: secret}
    result = watch.guard.run(text, "-v", "--format", "json", env=env, raw=True, last_line=False)
    shown = watch.guard.cli("show", "-p", watch.guard.write("profile.cfg", text), env=env, raw=True)
    for one in (result.out, result.err, json.dumps(result.report), shown.out, shown.err):
        assert secret not in one
        assert secret[:8] not in one
    assert "***" in result.out + result.err + shown.out + shown.err
