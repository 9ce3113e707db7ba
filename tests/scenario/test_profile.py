"""Profiles: every mistake is told, all at once, with file and line and, for a misspelt word, the nearest known one."""

import os
import re

import pytest

from fakes.tcp import TcpServer, refused_port, silent

TEN_MISTAKES = """\
startguard = 1;
service = "learner";
timeout = 90;
kafak: {
  events: { bootstrap_servers = "k:9092"; };
};
kafka: {
  events: {
    bootstrap_servers = "k:9092";
    topcs = ["a"];
  };
  other: { client_id = "me"; };
};
redis: {
  cache: {
    url = "http://cache:6379";
    timeout = "5 apples";
  };
  second: { url = "redis://c:6379"; required = false; };
  third: {
    url = "redis://c:6379";
    role = "mastr";
    after = ["redis.cach"];
  };
};
http: { web: { url = "http://web/"; follow = 99; }; };
"""
TEN_LINES = [
    (3, 'timeout: a time needs a unit: "90s"'),
    (4, 'unknown kind "kafak"; did you mean "kafka"?'),
    (10, 'kafka.events: unknown key "topcs"; did you mean "topics"?'),
    (12, 'kafka.other: "bootstrap_servers" is missing'),
    (
        16,
        'redis.cache: url: "http://" is not a scheme for this; use redis, rediss, valkey, valkeys, unix, redis+sentinel or redis+cluster',
    ),
    (17, 'redis.cache: timeout: "5 apples" is not a time'),
    (19, "redis.second: may be missing, so it needs degraded"),
    (22, 'redis.third: role: "mastr" is not one of master, replica or any; did you mean "master"?'),
    (20, 'redis.third: after: no check is called "redis.cach"; did you mean "redis.cache"?'),
    (26, "http.web: follow: 99 is not between 0 and 20"),
]


TCP_LINE = 'tcp: { db: { address = "db:1"; }; };'
# Mistakes that people bring along from other tools and languages: a line, and what it is told.
ELSEWHERE = [
    ('tcp: { db: { address = "db"; }; };', '"db" is not host:port: the port is missing'),
    ('tcp: { db: { address = "DB_HOST=db:5432"; }; };', "write what stands behind it alone"),
    ('tcp: { db: { address = "tcp://db:5432/x"; }; };', "write it without scheme and path: db:5432"),
    ('tcp: { db: { address = "db:5432/x"; }; };', "no path belongs to an address"),
    ('tcp: { db: { address = "db:postgresql"; }; };', "the port is a number from 1 to 65535"),
    ('tcp: { db: { address = "db:70000"; }; };', "the port is a number from 1 to 65535"),
    ('tcp: { db: { address = "db 5432"; }; };', "it holds a blank or a quote"),
    ('tcp: { db: { address = "::1:5432"; }; };', "IPv6 is written [::1]:5432"),
    ('tcp: { db: { address = "{{ .Values.db }}:5432"; }; };', "it holds {{ }} of a template that was not rendered"),
    ('tcp: { db: { address = "%DB_HOST%:5432"; }; };', "it holds %NAME% of a template"),
    ('tcp: { db: { address = "@DB_HOST@:5432"; }; };', "it holds @NAME@ of a template"),
    ('tcp: { db: { address = "<%= db %>:5432"; }; };', "it holds <% %> of a template"),
    ('tcp: { db: { address = "db\u200b:5432"; }; };', "it holds an invisible character"),
    ('tcp: { db: { address = "\u201cdb:5432\u201d"; }; };', "it holds a typographic quote"),
    ('http: { a: { url = "http://{{ .Values.db }}/"; }; };', "the URL holds a blank"),
    ('http: { a: { url = "http://{{db}}/"; }; };', "in its host, which no name has"),
    ('http: { a: { url = "http://%DB_HOST%:80/"; }; };', "in its host, which no name has"),
    ('tcp: { db: { address = "${DB-db}:1"; }; };', "; write ${DB:-db}"),
    ('tcp: { db: { address = "${DB:db}:1"; }; };', "; write ${DB:-db}"),
    ('tcp: { db: { address = "${env:DB}:1"; }; };', "; write ${DB}"),
    ('tcp: { db: { address = "db:1"; timeout = "5 min"; }; };', '; write "5m"'),
    ('tcp: { db: { address = "db:1"; timeout = "PT30S"; }; };', '; write "30s"'),
    ('tcp: { db: { address = "db:1"; timeout = "1d"; }; };', '; write "24h"'),
    ('tcp: { db: { address = "db:1"; timeout = "30"; }; };', '; write it with a unit: "30s", "30ms"'),
    ('tcp: { db: { address = "db:1"; timeout = "-5s"; }; };', '"-5s" is not a time'),
    ('http: { a: { url = "http://h/"; max_body = "1M"; }; };', '; write "1MiB"'),
    ('http: { a: { url = "http://h/"; max_body = "1024"; }; };', '; write it with a unit: "1024B", "1024KiB"'),
    ('http: { a: { url = "http://h/"; status = ["200-299"]; }; };', '"200-299" is neither a status'),
    ('http: { a: { url = "http://h/"; headers = ["Accept"]; }; };', '"Accept" is not "Name: value"'),
    ('http: { a: { url = "http://h/"; initialDelaySeconds = 5; }; };', "checks begin at once and are tried until timeout"),
    ('http: { a: { url = "http://h/"; periodSeconds = 5; }; };', 'write interval = "5s"'),
    ('http: { a: { url = "http://h/"; failure_threshold = 5; }; };', "a check is tried until timeout"),
    ('http: { a: { url = "http://h/"; timeoutSeconds = 5; }; };', 'write attempt_timeout = "5s"'),
    ('http: { a: { url = "http://h/"; start_period = "5s"; }; };', "checks begin at once"),
    ('http: { a: { url = "http://h/"; enabled = false; }; };', 'write only_in = ["dev"], or leave the check out'),
    ('file: { a: { path = "/x"; exists = true; }; };', "a file must exist unless absent = true"),
    ('file: { a: { path = "~/x"; }; };', "begins with ~, which only a shell fills in; write ${HOME}/x"),
    ('file: { a: { path = "file:///x"; }; };', "is a URL; write the path alone: /x"),
    ('http: { a: { url = "https://h/"; ca_file = "env:CA"; }; };', "the path in a variable is written ${CA}"),
    ('http: { a: { url = "https://h/"; token = "env: TOKEN"; }; };', "env: takes the name of a variable as it is"),
    ('http: { a: { url = "https://h/"; token = "env:$TOKEN"; }; };', "env: takes the name of a variable as it is"),
    ('http: { a: { url = "env:$URL"; }; };', "env: takes the name of a variable as it is"),
    ('http: { a: { url = "https://h/"; headers = ["X-Token: env: T"]; }; };', "env: takes the name of a variable as it is"),
    ('tcp: { db: { address = "db:1"; required = "false"; }; };', "must be true or false, not text; write it without quotes"),
    ('tcp: { db: { address = "db:1"; }; }; parallel = "4";', "must be a whole number, not text; write it without quotes"),
    ('tcp: { db: { address = "db:1"; }; }; parallel = 4.0;', "must be a whole number, not a fraction"),
    ('tcp: { db: { address = "db:1"; }; }; parallel = 010;', "a number begins with 0"),
    ('tcp: { db: { address = "db:1"; }; }; parallel = 0x1FFFFFFFF;', "8589934591 is not between 1 and 1024"),
    ('tcp: { db: { address = "db:1"; }; }; description = 5;', "must be text, not a number; write it in quotes"),
    ('file: { f: { path = "/x"; mode_at_most = 0640; }; };', "a number begins with 0"),
    ('env: { e: { required = "A B"; }; };', '"A B" is not the name of a variable; several are written ["A", "B"]'),
    ('env: { e: { required = ["A; B C"]; }; };', 'several are written ["A", "B", ...]'),
    ('env: { e: { required = ["A=1"]; }; };', '"A=1" is not the name of a variable, but one with a value'),
    ('env: { e: { required = ["$A"]; }; };', "write the name without the $"),
    ('env: { e: { required = ["HOME", "${A}"]; }; };', "takes the names of variables, and ${A} is the value of one: write A"),
    ('env: { e: { one_of = ["A|${B}"]; }; };', "${B} is the value of one: write B"),
    ('env: { e: { equal = (["A", "${B}"]); }; };', "${B} is the value of one: write B"),
    ('env: { e: { forbidden = ["${B}"]; unread_warning = ["${C}"]; }; };', "${C} is the value of one: write C"),
    ('env: { e: { required = "${PATH}"; }; };', "and the value of PATH is none: write PATH if that one is meant"),
    (
        'switches: { s: { env = ["${A}"]; degraded = "x"; }; }; tcp: { db: { address = "db:1"; }; };',
        "${A} is the value of one: write A",
    ),
    (
        'tcp: { db: { address = "db:1"; required = false; degraded = "x"; degraded_env = ["${A}=1"]; }; };',
        "${A} is the value of one: write A",
    ),
    (
        'switches: { s: { env = ["A B"]; degraded = "x"; }; }; tcp: { db: { address = "db:1"; }; };',
        'several are written ["A", "B"]',
    ),
    ('TCP: { db: { address = "db:1"; }; };', 'unknown kind "TCP"; did you mean "tcp"?'),
    ('httpGet: { path = "/"; };', 'write http: { NAME: { url = "http://host:port/path"; }; };'),
    ('services: { db: { image = "x"; }; };', "a check stands under its kind: tcp: {"),
    ('checks = ( { type = "tcp"; } );', "a check stands under its kind: tcp: {"),
    ('command: { x: { exec = "ls"; }; };', "a command is a check of the kind exec"),
    ('name = "shop"; tcp: { db: { address = "db:1"; }; };', 'unknown key "name"; write service = "..."'),
    ('include = "x.cfg"; tcp: { db: { address = "db:1"; }; };', 'another file is read with @include "FILE"'),
    ('mode = "qa"; tcp: { db: { address = "db:1"; }; };', "the key modes gives them more names"),
    ('@include "${HOME}/x.cfg"', "takes the name of one file as it is, without ${} and *"),
    ('@include "*.cfg"', "takes the name of one file as it is, without ${} and *"),
    ('@include "x.cfg" tcp: { db: { address = "db:1"; }; };', '@include "FILE" stands on a line of its own'),
]


def kafka_of(keys):
    return 'kafka: { e: { bootstrap_servers = "k:9092"; ' + keys + "; }; };"


# What lint takes, with a warning.
DOUBTS = [
    (
        'timeout = "10s"; tcp: { db: { address = "db:1"; timeout = "30s"; }; };',
        "timeout is longer than the timeout of the whole run, which ends it after 10s",
    ),
    (
        'timeout = "3s"; tcp: { db: { address = "db:1"; attempt_timeout = "30s"; }; };',
        "attempt_timeout is longer than the timeout of the whole run",
    ),
    (
        'tcp: { db: { address = "db:1"; timeout = "3s"; grace = "9s"; }; };',
        "grace is longer than the check's timeout, which ends it after 3s",
    ),
    ('tcp: { db: { address = "db:1"; timeout = "3s"; interval = "9s"; }; };', "interval is longer than the check's timeout"),
    (
        'exec: { m: { command = ["ls", "|", "grep", "x"]; }; };',
        '"|" is for a shell, and none is used; write ["sh", "-c", "..."]',
    ),
    ('exec: { m: { command = ["echo", "$HOME"]; }; };', "holds $HOME, and no shell fills it in; write ${HOME}"),
    (kafka_of('properties = ["client.id=a", "client.id=b"]'), "sets client.id twice; the last one counts"),
    (kafka_of('properties = ["sasl.mechanism=PLAIN", "sasl.mechanisms=PLAIN"]'), "sets sasl.mechanisms twice"),
    (kafka_of('client_id = "x"; properties = ["client.id=a"]'), "and so does the key client_id, which counts"),
    (
        kafka_of('groups = ["a"]; properties = ["group.id=b"]'),
        "sets group.id = b, which is not used: the groups that are checked stand in groups",
    ),
    ('#include "common.cfg"\ntcp: { db: { address = "db:1"; }; };', "#include is a comment here; write @include"),
    ('env: { e: { required = ["A", "B" "C"]; }; };', "two texts side by side are one; put a comma between them"),
]
# What lint takes without a word.
RIGHT = [
    'exec: { m: { command = ["ls", "A\\"", "long "\n"text", "\\"\\""]; /* "a" */ }; }; # "a" "b"',
    'timeout = "30s"; tcp: { db: { address = "db:1"; timeout = "30s"; grace = "30s"; attempt_timeout = "30s"; interval = "5s"; }; };',
    'timeout = "0"; tcp: { db: { address = "db:1"; timeout = "24h"; }; };',
    'exec: { m: { command = ["sh", "-c", "ls", "|", "$HOME"]; }; n: { command = ["grep", "a|b", "$", "5$"]; }; };',
    kafka_of('groups = ["a", "b"]; client_id = "x"; properties = ["group.id=b", "sasl.mechanism=PLAIN"]'),
    '# include the cache\n#includes "x"\ntcp: { db: { address = "[fe80::1%eth0]:1"; }; };',
    'tcp: { db: { address = "d\u00e4nemark:1"; }; a: { address = "/run/a b.sock"; }; };',
    'file: { a: { path = "/data/$RECYCLE.BIN/~x"; }; };',
    'http: { a: { url = "https://h/{{x}}?y=%41%42"; token = "env:my-token.x"; }; };',
    'postgres: { a: { url = "postgres://%2Frun%2Fpg/x"; }; };',
]


def lint(guard, text, name="p.cfg"):
    return guard.cli("lint", str(guard.write(name, text)))


def bad(guard, text, line, *words, name="p.cfg"):
    """Asserts that lint tells one line that begins with file:line (None: no line) and has these words."""
    result = lint(guard, text, name)
    assert result.code == 78, result
    begin = f"{guard.tmp}/{name}:{line}: " if line else f"{guard.tmp}/{name}: "
    found = [one for one in result.err.splitlines() if one.startswith(begin) and all(w in one for w in words)]
    assert found, result
    return found[0]


def body(*keys, kind="tcp", name="a"):
    """A profile with one check; its keys begin in line 3."""
    return "startguard = 1;\n" + f"{kind}: {{ {name}: {{\n" + "\n".join(keys) + "\n}; };\n"


TCP = 'address = "db:5432";'


# ---- all at once ----


def test_ten_planted_mistakes_in_one_run(guard):
    result = lint(guard, TEN_MISTAKES)
    assert result.code == 78
    told = result.err.splitlines()
    assert told[-1] == "startguard: lint: 1 of 1 profile is wrong"
    assert len(told) == 11, result
    for line, words in TEN_LINES:
        assert [one for one in told if one.startswith(f"{guard.tmp}/p.cfg:{line}: {words}")], (line, words, result)


def test_mistakes_are_told_in_the_order_of_the_file(guard):
    lines = [int(re.match(r".*?:(\d+): ", one)[1]) for one in lint(guard, TEN_MISTAKES).err.splitlines()[:-1]]
    assert lines == sorted(lines)


def test_one_mistake_is_told_once(guard):
    """By the verdict. Of several, each has a line, and the verdict their number."""
    lines = guard.run('startguard = 1; tcp: { t: { address = "a:1"; colour = 1; }; };').err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("startguard: BLOCKED (78): ") and 'unknown key "colour"' in lines[0]
    lines = guard.run('startguard = 1; tcp: { t: { address = "a:1"; colour = 1; shape = 2; }; };').err.splitlines()
    assert len(lines) == 3 and lines[2].endswith("2 problems in all")


def test_run_refuses_the_same_and_touches_nothing(guard):
    with TcpServer(silent) as server:
        text = TEN_MISTAKES + f'tcp: {{ db: {{ address = "{server.address}"; }}; }};'
        result = guard.run(text, command=["/bin/echo", "started"], mode=None)
        assert server.connections == 0
    assert (result.code, result.out, result.status) == (78, "", "blocked")
    for _, words in TEN_LINES:
        result.problem(words)
    assert result.err.splitlines()[-1].startswith("startguard: BLOCKED (78): ")
    assert result.err.splitlines()[-1].endswith("; 10 problems in all")
    assert result.report["exit_code"] == 78


def test_several_profiles(guard):
    good = guard.write("good.cfg", body(TCP))
    wrong = guard.write("wrong.cfg", body("adress = 1;"))
    result = guard.cli("lint", good, wrong, good)
    assert result.code == 78
    assert result.err.splitlines()[-1] == "startguard: lint: 1 of 3 profiles are wrong"
    assert guard.cli("lint", good, good).err == "startguard: lint: 2 profiles are fine\n"


def test_lint_lists_the_variables(guard):
    keys = [
        'url = "${WEB:?set it}/x";',
        'password = "env:PW";',
        'username = "${USER_NAME:-u}";',
        'body = "${USER_NAME}${WEB}";',
    ]
    result = lint(guard, body(*keys, kind="http"))
    assert result.code == 0
    assert result.out == f"{guard.tmp}/p.cfg: needs the variables WEB, USER_NAME, PW (secret)\n"
    assert lint(guard, body('address = "${DB:-db:1}";')).out == f"{guard.tmp}/p.cfg: takes the variables DB\n"
    both = lint(guard, body('address = "${DB:-db}:${PORT}";')).out
    assert both == f"{guard.tmp}/p.cfg: needs the variables PORT; takes DB\n"
    assert lint(guard, body(TCP)).out == ""


# ---- one by one ----


@pytest.mark.parametrize(
    "text, line, words",
    [
        ('startguard = 1;\ntcp: { a: { address = "x:1" }\n', None, None),
        ("startguard = 1;\n\n= 3;\n", 3, "syntax error"),
        ('startguard = 1;\ntcp: { a: { address = "x:1"; };\n', 2, "syntax error"),
        ('startguard = 1;\ntcp: {\n a: { address = "x:1"; };\n a: { address = "x:2"; };\n};', 4, "duplicate setting name"),
        ('startguard = 1;\nservice = "x\n', 2, ""),
        ('startguard = 1;\nservice = "x;\nmode = "dev";\nparallel = 8;', 2, "the text that begins here has no closing quote"),
        ("startguard = 1;\ntimeout = 30s;\n", 2, 'syntax error at column 11: 30s stands without quotes; write "30s"'),
    ],
    ids=["unclosed", "nonsense", "end", "twice", "string", "quote", "duration"],
)
def test_syntax(guard, text, line, words):
    if line is None:
        bad(guard, text, 2, "syntax error")
    else:
        bad(guard, text, line, words)


@pytest.mark.parametrize(
    "text, line, words",
    [
        ('service = "x";\n' + body(TCP)[len("startguard = 1;\n") :], None, '"startguard" is missing'),
        ("startguard = 2;\n" + body(TCP)[len("startguard = 1;\n") :], 1, "startguard: must be 1, not 2"),
        ('startguard = "1";\n' + body(TCP)[len("startguard = 1;\n") :], 1, "startguard: "),
        ('mdoe = "prod";' + body(TCP), 1, 'unknown key "mdoe"; did you mean "mode"?'),
        ("swiches: { };" + body(TCP), 1, 'unknown kind "swiches"; did you mean "switches"?'),
        ("zzzzzzzz: { };" + body(TCP), 1, 'unknown kind "zzzzzzzz"'),
        ("startguard = 1; tcp: { };", 1, "tcp: holds no check"),
        ('startguard = 1; tcp = "db:1";', 1, "tcp: must be a group of named checks"),
        ('startguard = 1; tcp: { a = "db:1"; };', 1, "tcp.a: must be a group"),
        ('startguard = 1; tcp: { address = "db:1"; };', 1, "write tcp: { NAME: { address = ...; }; };"),
        ('mode = "production-eu";' + body(TCP), 1, 'mode: unknown mode "production-eu"; known: dev, staging, prod'),
        ('modes: { dev = ["x"]; prod = ["x"]; };' + body(TCP), 1, 'modes: "x" stands for two modes'),
        ('modes: { prd = ["x"]; };' + body(TCP), 1, 'unknown key "prd"; did you mean "prod"?'),
        ("parallel = 0;" + body(TCP), 1, "parallel: 0 is not between 1 and 1024"),
        ('timeout = "48h";' + body(TCP), 1, "timeout: "),
        ("startguard = 1;", None, "there is nothing to check"),
    ],
)
def test_top_level(guard, text, line, words):
    if text.startswith("startguard = 1;") and line is None:
        text += ' service = "x";'
    bad(guard, text, line, words)


@pytest.mark.parametrize(
    "keys, line, words",
    [
        (['adress = "x:1";'], 3, 'unknown key "adress"; did you mean "address"?'),
        (["tls = true;"], 2, '"address" is missing'),
        (["address = 5432;"], 3, "address: must be"),
        (['address = ["a:1"];'], 3, "address: must be"),
        (['address = "db";'], 3, "address: "),
        (['address = "db:70000";'], 3, "address: "),
        ([TCP, 'tls = "yes";'], 4, "tls: must be true or false"),
        ([TCP, "tls = 1;"], 4, "tls: must be true or false"),
        ([TCP, "attempt_timeout = 5;"], 4, 'a time needs a unit: "5s"'),
        ([TCP, 'attempt_timeout = "5";'], 4, "attempt_timeout: "),
        ([TCP, 'attempt_timeout = "1ms";'], 4, "attempt_timeout: "),
        ([TCP, "required = false;"], 2, "needs degraded"),
        ([TCP, 'required_in = ["prod"];'], 2, "needs degraded"),
        ([TCP, 'required_in = ["prdo"]; degraded = "x";'], 4, "prdo"),
        ([TCP, 'required = true; required_in = ["dev"]; degraded = "x";'], 2, "both required and required_in"),
        ([TCP, 'degraded_env = ["A=1"];'], 2, "would never be set"),
        ([TCP, 'required = false; degraded = "x"; degraded_env = ["A"];'], 4, "degraded_env: "),
        ([TCP, 'required = false; degraded = "x"; degraded_env = ["1A=1"];'], 2, "is not the name of a variable"),
        ([TCP, 'required = false; degraded = "x"; degraded_env = ["STARTGUARD_MODE=x"];'], 2, "startguard's own"),
        ([TCP, "only_in = [];"], 4, "only_in: "),
        ([TCP, 'after = ["tcp.b"];'], 2, 'after: no check is called "tcp.b"'),
        ([TCP, 'after = ["tcp.a"];'], 2, "circle"),
        ([TCP, 'after = ["a"];'], 2, 'after: no check is called "a"; did you mean "tcp.a"?'),
        (['address = "$DB_HOST:5432";'], 3, "holds a $; a variable is written ${NAME}"),
        (['url = "tcp://db:1";'], 3, 'unknown key "url"; write address = "host:port"'),
        (['host = "db";'], 3, 'unknown key "host"; write address = "host:port"'),
        ([TCP, "optional = true;"], 4, 'unknown key "optional"; write required = false; degraded = "..."'),
        ([TCP, "retries = 3;"], 4, 'unknown key "retries"; a check is tried until timeout'),
        ([TCP, 'ca = "x";'], 4, 'unknown key "ca"; did you mean "ca_file"?'),
        ([TCP, 'depends_on = "tcp.b";'], 4, 'unknown key "depends_on"; did you mean "after"?'),
    ],
)
def test_keys_of_a_check(guard, keys, line, words):
    bad(guard, body(*keys), line, "tcp.a", words)


@pytest.mark.parametrize(
    "keys, words",
    [
        (['url = "web/health";'], "url: "),
        (['url = "ftp://web/";'], '"ftp://" is not a scheme for this; use http or https'),
        (['url = "http://web:99999/";'], "url: "),
        (['url = "http://$HOST/";'], "a variable is written ${NAME}"),
        (['url = "$WEB_URL";'], "the URL holds a $; a variable is written ${NAME}"),
        (['url = "http://web:$PORT/";'], "the URL holds a $; a variable is written ${NAME}"),
        (['URL = "http://web/";'], 'unknown key "URL"; did you mean "url"?'),
        (['url = "http://web/"; json = ( { at = "/x"; value = "1"; } );'], 'unknown key "value"; did you mean "equals"?'),
        (
            ['url = "http://web/"; json = ( { at = "/x"; equals = "1"; one_of = ["1"]; } );'],
            "several of equals, one_of and a range",
        ),
        (['url = "http://web/"; json = ( { at = "/x"; one_of = ["green"]; } );'], "one_of: "),
        (['url = "http://web/"; max_body = 10;'], 'a size needs a unit: "10B"'),
        (['url = "http://web/"; max_body = "10XB";'], "is not a size"),
        (['url = "http://web/"; max_body = "65MiB";'], "max_body: 65MiB is not between 1B and 64MiB"),
        (['url = "http://web/"; max_body = "0B";'], "max_body: 0B is not between 1B and 64MiB"),
        (['url = "http://web/"; follow = -1;'], "follow: -1 is not between"),
        (['url = "http://web/"; status = ["2yy"];'], "status: "),
        (['url = "http://web/"; headers = ["no colon"];'], "headers: "),
        (['url = "http://web/"; json = ( { at = "/x"; equals = "not json"; } );'], "equals: "),
        (['url = "http://web/"; json = ( { eq = "1"; } );'], 'unknown key "eq"'),
        (['url = "http://web/"; json = "x" ;'], "json[1]: must be a group"),
        (['url = "http://web/"; password = "env:${NAME}"; username = "u";'], "takes no ${}"),
    ],
)
def test_keys_of_http(guard, keys, words):
    bad(guard, body(*keys, kind="http"), 3, "http.a", words)


@pytest.mark.parametrize(
    "keys, line, words",
    [
        ('env = ["X"];', 1, '"degraded" is missing'),
        ('degraded = "x";', 1, "needs env, or file and at"),
        ('env = ["X Y"]; degraded = "x";', 1, "is not the name of a variable"),
        ('env = ["X"]; degraded = "x"; allowed_in = ["nowhere"];', 1, "nowhere"),
        ('env = ["X"]; degraded = "x"; waives = ["kafak.*"];', 1, 'no kind is called so; did you mean "kafka"?'),
        ('env = ["X"]; degraded = "x"; waves = ["tcp.*"];', 1, 'unknown key "waves"; did you mean "waives"?'),
    ],
)
def test_switches(guard, keys, line, words):
    bad(guard, f"switches: {{ s: {{ {keys} }}; }};" + body(TCP), line, "switches.s", words)


def test_a_brace_that_is_missing_in_another_file(guard):
    guard.write("part.inc", 'tcp: {\n  a: {\n    address = "x:1";\n  b: { address = "x:2"; };\n};\n')
    path = guard.write("p.cfg", 'startguard = 1;\n@include "part.inc"\n')
    words = "part.inc:5: syntax error at column 1: the file ends, and a } is missing (the group that has no } begins on line 2)"
    assert words in guard.cli("lint", path).err


def test_circle_of_two(guard):
    text = 'startguard = 1;\ntcp: { a: { address = "x:1"; after = ["tcp.b"]; };\nb: { address = "x:1"; after = ["tcp.a"]; }; };'
    bad(guard, text, 2, "after: waits for itself in a circle")


def test_after_one_that_exists_in_another_mode_only(guard):
    with TcpServer(silent) as server:
        text = (
            f'startguard = 1; tcp: {{ a: {{ address = "{server.address}"; only_in = ["dev"]; }}; '
            f'b: {{ address = "{server.address}"; after = ["tcp.a"]; }}; }};'
        )
        assert guard.run(text).status == "ready"


@pytest.mark.parametrize("word", ['"${NONE_SUCH}"', "5", '"nowhere"'])
def test_a_mode_that_cannot_be_read_is_no_matter_beside_that_of_the_command_line(guard, word):
    text = f'startguard = 1; mode = {word}; file: {{ a: {{ path = "/"; }}; }};'
    result = guard.run(text, mode="dev", command=["/bin/echo", "started"])
    assert (result.code, result.out, result.status) == (0, "started\n", "ready")
    result = guard.run(text, mode=None, command=["/bin/echo", "started"])
    assert (result.code, result.out) == (78, "")
    assert result.err.count(": mode: ") == 1


# ---- finding the file ----


def test_a_profile_by_name(guard):
    guard.write("profiles/learner.cfg", 'startguard = 1; file: { a: { path = "/"; }; };')
    result = guard.run(None, "-p", "learner", mode=None)
    assert (result.status, result.report["service"]) == ("ready", "learner")
    result = guard.run(
        None,
        env={"STARTGUARD_PROFILE": "learner", "STARTGUARD_PROFILE_PATH": f"/nowhere:{guard.tmp}/profiles"},
        mode=None,
        cwd="/",
    )
    assert result.status == "ready"
    result = guard.run(None, "-p", "lerner", mode=None)
    result.problem('no profile "lerner" in', 'did you mean "learner"?', exit=78)


def test_a_profile_that_is_not_there(guard):
    guard.run(None, "-p", "./nowhere.cfg", mode=None).problem("./nowhere.cfg", "No such file", exit=78)
    guard.run(None, "-p", "/", mode=None).problem("cannot read /", exit=78)
    guard.run(None, "-p", str(guard.write("b.cfg", b"a\0b")), mode=None).problem("not text", exit=78)


# ---- @include ----


def test_include_beside_the_file(guard):
    guard.write("parts/common.inc", 'startguard = 1;\n@include "deeper.inc"\n')
    guard.write("parts/deeper.inc", 'file: { a: { path = "/"; }; };\n')
    assert guard.run('@include "parts/common.inc"\nservice = "x";\n').passed("file.a")


def test_a_mistake_in_an_included_file_is_told_there(guard):
    guard.write("inc/common.inc", 'startguard = 1;\n\ntcp: { a: { adress = "x:1"; }; };\n')
    result = lint(guard, '# first\n@include "inc/common.inc"\nservice = 3;\n')
    told = result.err.splitlines()
    assert [t for t in told if t.startswith(f"{guard.tmp}/inc/common.inc:3: tcp.a: unknown key")], result
    assert [t for t in told if t.startswith(f"{guard.tmp}/p.cfg:3: service: must be text")], result


@pytest.mark.parametrize(
    "line, words",
    [
        ('@include "none.inc"', "@include"),
        ("@include none", "needs a file name in quotes"),
        ('@include "p.cfg"', "includes itself"),
        ('@include ""', "needs a file name"),
    ],
)
def test_include_that_cannot_be(guard, line, words):
    bad(guard, f"startguard = 1;\n{line}\n", 2, words)


def test_include_in_a_comment_or_string_is_text(guard):
    text = 'startguard = 1; /*\n@include "none.inc"\n*/ description = "\n@include \\"x\\"\n";\n# @include "none"\nfile: { a: { path = "/"; }; };'
    assert guard.run(text).status == "ready"


def test_include_without_end(guard):
    for i in range(40):
        guard.write(f"i{i}.inc", f'@include "i{i + 1}.inc"\n')
    result = lint(guard, '@include "i0.inc"\n')
    assert result.code == 78
    assert "files deep in @include" in result.err


def test_includes_that_multiply(guard):
    """Nine files that each include the next one ten times: a thousand million."""
    for i in range(8):
        guard.write(f"m{i}.inc", f'@include "m{i + 1}.inc"\n' * 10)
    guard.write("m8.inc", "# nothing\n")
    result = lint(guard, 'startguard = 1;\n@include "m0.inc"\n')
    assert result.code == 78 and result.elapsed < guard.scale(20)
    assert len([line for line in result.err.splitlines() if "more than 1000 files" in line]) == 1


# ---- ${} ----

ADDRESS = 'startguard = 1;\ntcp: { a: { address = "%s"; timeout = "1s"; }; };'


@pytest.mark.parametrize(
    "template, env, wanted",
    [
        ("${HOST}:{port}", {"HOST": "127.0.0.1"}, "127.0.0.1:{port}"),
        ("${HOST:-127.0.0.1}:{port}", {}, "127.0.0.1:{port}"),
        ("${HOST:-127.0.0.1}:{port}", {"HOST": ""}, "127.0.0.1:{port}"),
        ("${HOST:-localhost}:{port}", {"HOST": "127.0.0.1"}, "127.0.0.1:{port}"),
        ("${HOST:?set it}:${PORT}", {"HOST": "127.0.0.1", "PORT": "{port}"}, "127.0.0.1:{port}"),
        ("${HOST:-${SERVER}}:{port}", {"SERVER": "127.0.0.1"}, "127.0.0.1:{port}"),
        ("${HOST:-${SERVER}}:{port}", {"HOST": "127.0.0.1", "SERVER": "localhost"}, "127.0.0.1:{port}"),
        ("${HOST:-${SERVER:-127.0.0.1}:${PORT}}", {"PORT": "{port}"}, "127.0.0.1:{port}"),
    ],
)
def test_variables(guard, template, env, wanted):
    port = str(refused_port())
    env = {k: v.replace("{port}", port) for k, v in env.items()}
    result = guard.run(ADDRESS % template.replace("{port}", port), env=env)
    result.expect("connect-refused", subject=wanted.replace("{port}", port))


@pytest.mark.parametrize(
    "template, env, words",
    [
        ("${HOST}:1", {}, ["HOST", "not set"]),
        ("${HOST:?where is the database}:1", {}, ["HOST", "where is the database"]),
        ("${HOST:?where is the database}:1", {"HOST": ""}, ["HOST", "where is the database"]),
        ("${HOST:-${SERVER:?name one of them}}:1", {}, ["SERVER", "name one of them"]),
        ("${HOST:-${SERVER}}:1", {}, ["SERVER", "not set"]),
        ("${A:-" * 9 + "h" + "}" * 9 + ":1", {}, ["nested more than 8 deep"]),
        ("${HOST:1", {}, ["${"]),
        ("${}:1", {}, ["${"]),
        ("${A B}:1", {}, ["${"]),
    ],
)
def test_variables_that_cannot_be_had(guard, template, env, words):
    guard.run(ADDRESS % template, env=env).problem("p", "tcp.a", *words, exit=78)


def test_a_value_cannot_add_syntax(guard):
    text = 'startguard = 1; service = "${NAME}"; file: { a: { path = "/"; }; };'
    name = 'x"; tcp: { evil: { address = "1.2.3.4:1"; }; }; y = "'
    result = guard.run(text, env={"NAME": name})
    assert result.report["service"] == name
    assert [c["id"] for c in result.checks] == ["file.a"]


def test_a_dollar(guard):
    guard.write("a${x}b", "")
    result = guard.run('startguard = 1; file: { a: { path = "a$${x}b"; }; };')
    assert result.status == "ready"


def test_a_list_from_one_variable(guard):
    text = 'startguard = 1; env: { e: { required = "${NAMES}"; }; };'
    result = guard.run(text, env={"NAMES": "ONE, TWO", "ONE": "1", "TWO": "2"})
    assert result.status == "ready"
    guard.run(text, env={"NAMES": "ONE,TWO", "ONE": "1"}).expect("env-missing", cause="TWO")


def test_lint_tells_all_that_is_to_be_mended(guard):
    """A wrong value does not hide what is missing."""
    file = guard.write(
        "p.cfg",
        """startguard = 1;
tcp: {
  t: { address = "a:1"; timeout = "5"; required = false; };
  u: { address = "a:1"; required_in = ["prod"]; grace = 5; };
  v: { address = "a:1"; timeout = "5"; required = "no"; };
  w: { address = "a:1"; timeout = "5"; degraded = "x"; required = true; required_in = ["prod"]; };
};
""",
    )
    result = guard.cli("lint", file)
    told = {(line.split(":")[1], line.split(": ")[1]) for line in result.err.splitlines() if "needs degraded" in line}
    assert told == {("3", "tcp.t"), ("4", "tcp.u")}, result
    assert ":6: tcp.w: has both required and required_in" in result.err
    assert result.err.count("a time needs a unit") + result.err.count("is not a time") == 4


def test_lint_needs_no_variable(guard):
    assert lint(guard, ADDRESS % "${HOST}:${PORT}").code == 0
    assert lint(guard, ADDRESS % "${HOST").code == 78


def test_what_does_not_run_needs_no_variable(guard):
    text = 'startguard = 1; file: { a: { path = "/"; }; };tcp: { a: { address = "${NOT_SET}:1"; only_in = ["prod"]; }; };'
    assert guard.run(text, mode="dev").status == "ready"
    guard.run(text).problem("NOT_SET", exit=78)


# ---- modes ----


def test_mode_of_the_profile_environment_and_option(guard):
    text = 'startguard = 1; mode = "${APP_MODE:-prod}"; modes: { staging = ["preprod"]; }; file: { a: { path = "/"; }; };'
    for options, env, wanted in [
        ([], {}, "prod"),
        ([], {"APP_MODE": "Local"}, "dev"),
        ([], {"APP_MODE": "preprod"}, "staging"),
        ([], {"STARTGUARD_MODE": "preprod"}, "staging"),
        (["-m", "development"], {"STARTGUARD_MODE": "prod"}, "dev"),
    ]:
        assert guard.run(text, *options, env=env, mode=None).report["mode"] == wanted
    guard.run(text, env={"APP_MODE": "produktion"}, mode=None).problem("unknown mode", "preprod", exit=78)
    assert guard.run(text, "-m", "produktion", mode=None).code == 64


def test_without_a_mode_it_is_prod(guard):
    assert guard.run('startguard = 1; file: { a: { path = "/"; }; };', mode=None).report["mode"] == "prod"


# ---- hostile files ----


@pytest.mark.parametrize(
    "text",
    [
        "a: {" * 200 + "}" * 200,
        "startguard = 1; x = (" + "(" * 5000 + ")" * 5000 + ");",
        "startguard = " + "9" * 400 + ";",
        'service = "' + "x" * 200000 + '";',
        "\x00",
        "\xff\xfe",
        '@include "/dev/zero"',
        '@include "/proc/self/mem"',
        'startguard = 1; tcp: { "a": { }; };',
        "startguard = 1;" * 1000,
        "# " + "\x1b[31m red \x07\n",
        "tcp.a.b = 1;",
    ],
    ids=["groups", "lists", "number", "string", "nul", "bytes", "endless", "unreadable", "quoted", "again", "escape", "path"],
)
def test_hostile_files_are_refused_in_words(guard, text):
    result = guard.cli("lint", str(guard.write("p.cfg", text.encode("latin-1"))))
    assert result.code == 78
    assert result.err.splitlines()[-1] == "startguard: lint: 1 of 1 profile is wrong"


@pytest.mark.parametrize(
    "before, text, after, place",
    [
        ("", 'description = "K\xe4se";', "", "3: column 17: the text holds the byte 0xe4, which is not UTF-8"),
        ("# \xc3\xa4 \xe4\n", 'description = "\xc3\xa4\xe4";', "", "4: column 17: "),
        ("", '/* \xe4 */ description = "\xe4"; # \xe4', "", "3: column 24: "),
        ("", 'description = "a\n\xe4";', "", "4: column 1: "),
        ("", 'description = "x\\\xe4";', "", "3: column 18: "),
    ],
)
def test_a_text_that_is_not_utf_8(guard, before, text, after, place):
    """A byte of Latin-1 was sent as it is, and shown as a question mark."""
    profile = f'startguard = 1;\ntcp: {{ a: {{ address = "h:1"; }}; }};\n{before}{text}\n{after}'
    result = guard.cli("lint", str(guard.write("p.cfg", profile.encode("latin-1"))))
    result.problem(f"p.cfg:{place}", exit=78)
    result.problem("save the file as UTF-8; a byte that is meant is written \\x", exit=78)
    included = guard.write("q.cfg", 'startguard = 1;\n# \xe4\n@include "p.cfg"\n'.encode("latin-1"))
    guard.cli("lint", str(included)).problem(f"p.cfg:{place}", exit=78)


def test_what_need_not_be_utf_8(guard):
    """Comments may be anything, and a text holds any byte by its number: a file's name may be in Latin-1."""
    (guard.tmp / os.fsdecode(b"k\xe4se")).write_text("x")
    text = f'startguard = 1; # f\xfcr\n/* \xe4\n\xe4 */\nfile: {{ a: {{ path = "{guard.tmp}/k\\xe4se"; }}; }}; // \xdf\n'
    path = guard.write("p.cfg", text.encode("latin-1"))
    assert guard.cli("lint", str(path)).code == 0
    guard.check(path).passed()


# ---- nothing is ever ignored ----


@pytest.mark.parametrize(
    "text, line, words",
    [
        (
            'startguard = 1;\nfile: { a: { path = "/"; }; };\n/* the cache\nredis: { c: { url = "redis://h"; }; };\n',
            3,
            "the comment that begins here has no end",
        ),
        (
            'startguard = 1; /* one */ /*\n * two */ file: { a: { path = "/"; }; }; /* three\n\n',
            2,
            "the comment that begins here has no end",
        ),
        ('startguard = 1;\nfile: { a: { path = "/;\n }; };\n', 2, "the text that begins here has no closing quote"),
    ],
)
def test_what_has_no_end(guard, text, line, words):
    bad(guard, text, line, words)


def test_a_comment_of_an_included_file_does_not_swallow_the_rest(guard):
    guard.write("open.inc", "startguard = 1;\n/* for ever\n")
    result = lint(guard, '@include "open.inc"\nfile: { a: { path = "/"; }; };')
    assert result.code == 78
    assert f"{guard.tmp}/open.inc:2: the comment that begins here has no end" in result.err


def test_comments_that_end_are_comments(guard):
    text = 'startguard = 1; # "\n// /* \nfile: { /* " */ a: { path = "/*"; /* x\n" y */ not_empty = true; }; };\n'
    assert lint(guard, text).code == 0, lint(guard, text)


@pytest.mark.parametrize(
    "number, words",
    [
        ("4294967297", "is not between"),
        ("2147483648", "is not between"),
        ("1L", None),
        ("0x10", None),
        ("99999999999999999999", "out of range"),
        ("9223372036854775808L", "is not between"),
    ],
)
def test_numbers_are_the_ones_that_stand_there(guard, number, words):
    text = f'startguard = 1;\nparallel = {number};\nfile: {{ a: {{ path = "/"; }}; }};'
    if words:
        bad(guard, text, 2, words)
    else:
        assert lint(guard, text).code == 0


def test_a_name_with_digits_is_no_number(guard):
    assert lint(guard, 'startguard = 1;\nfile: { a99999999999999999999: { path = "/"; }; };').code == 0


@pytest.mark.parametrize(
    "more, code",
    [
        ('required_in = ["prod"]; degraded = "no x";', 0),
        ('required_in = ["dev"]; degraded = "no x";', 0),
        ("required = false;", 78),
    ],
)
def test_names_that_env_requires_and_when_it_is_required(guard, more, code):
    assert lint(guard, f'startguard = 1; env: {{ e: {{ required = ["HOME"]; {more} }}; }};').code == code


def test_a_circle_of_includes_is_told_also_across_folders(guard):
    guard.write("sub/b.inc", '@include "../p.cfg"\n')
    result = lint(guard, 'startguard = 1;\n@include "sub/b.inc"\n')
    assert result.code == 78
    assert "includes itself" in result.err


def test_lint_of_a_pipe_does_not_hang(guard):
    os.mkfifo(guard.tmp / "p.cfg")
    result = guard.cli("lint", guard.tmp / "p.cfg")
    assert result.code == 78
    assert "is not a file" in result.err


def test_all_modes_that_allow_a_switch_are_named(guard):
    text = 'startguard = 1; switches: { s: { env = ["EASY"]; allowed_in = ["dev", "staging"]; degraded = "easy"; }; }; file: { a: { path = "/"; }; };'
    guard.run(text, env={"EASY": "1"}).problem("allowed only in dev, staging", code="switch-forbidden", exit=77)


def test_a_waiver_for_nobody_is_warned_of(guard):
    text = 'startguard = 1;\nswitches: { s: { env = ["EASY"]; allowed_in = ["dev"]; waives = ["file.b"]; degraded = "easy"; }; };\nfile: { a: { path = "/"; }; };'
    result = lint(guard, text)
    assert result.code == 0
    assert 'warning: waives "file.b", and no check is called so' in result.err
    assert "warning" not in guard.run(text).err


@pytest.mark.every_row
@pytest.mark.parametrize(
    "kind, keys, words",
    [
        ("kafka", 'security_protocol = "SSL";', '"security_protocol"; write properties = ["security.protocol=..."]'),
        ("kafka", 'sasl_mechanism = "PLAIN";', 'write properties = ["sasl.mechanism=..."]'),
        ("kafka", 'sasl_username = "u";', 'write properties = ["sasl.username=..."]'),
        ("kafka", 'sasl_password = "p";', 'write properties = ["sasl.password=env:NAME"]'),
        ("exec", 'command = ["true"]; exit_code = 1;', 'unknown key "exit_code"; did you mean "status"?'),
        ("dns", 'host = "db";', 'unknown key "host"; did you mean "name"?'),
        ("env", 'variables = ["A"];', 'unknown key "variables"; write required = ["NAME", ...]'),
        ("env", 'name = "A";', 'unknown key "name"; write required = ["NAME"]'),
        ("env", "DATABASE_URL = true;", 'write required = ["DATABASE_URL"]'),
        ("env", 'pattern = "x";', 'did you mean "match"?'),
        ("kafka", 'url = "kafka:9092";', 'did you mean "bootstrap_servers"?'),
        ("kafka", 'username = "u";', 'write properties = ["sasl.username=..."]'),
        ("kafka", 'password = "env:P";', 'write properties = ["sasl.password=env:NAME"]'),
        ("kafka", "tls = true;", 'write properties = ["security.protocol=SSL"]'),
        ("kafka", 'ca_file = "/ca.pem";', 'write properties = ["ssl.ca.location=..."]'),
        ("kafka", 'ssl_key_location = "/k.pem";', 'write properties = ["ssl.key.location=..."]'),
        ("kafka", 'group_id = "g";', 'write groups = ["..."]'),
        ("kafka", 'topics = ( { topic = "t"; } );', 'unknown key "topic"; did you mean "name"?'),
        ("kafka", 'topics = ( { name = "t"; retention_ms = 5; } );', 'write config = ["retention.ms=..."]'),
        ("kafka", 'topics = ( { name = "t"; replicas = 3; } );', 'did you mean "replication_factor"?'),
        ("schema_registry", 'subjects = ( { subject = "s"; } );', 'unknown key "subject"; did you mean "name"?'),
        ("metrics", 'metrics = ["up"];', 'did you mean "families"?'),
        ("metrics", "port = 9090;", 'or free_port = "0.0.0.0:9090"'),
        ("memcached", 'address = "m:11211";', 'write url = "scheme://host:port"'),
        ("redis", 'key = "k";', 'did you mean "keys"?'),
        ("redis", "ssl = true;", "write rediss:// in the url"),
        ("redis", "db = 1;", 'did you mean "database"?'),
        ("postgres", 'database_url = "env:D";', 'did you mean "dsn"?'),
        ("postgres", 'dbname = "d";', 'did you mean "database"?'),
        ("postgres", 'sql = "select 1";', 'write query = { sql = "..."; }'),
        ("postgres", 'alembic = "head";', "write migration = { heads = "),
        ("postgres", 'migration = { kind = "django"; };', 'unknown key "kind"; did you mean "tool"?'),
        ("opa", 'policy = "shop/allow";', 'write decisions = ["shop/allow"]'),
        ("opa", 'input = "{}";', "it belongs to a decision"),
        ("python", 'packages = ["django"];', 'did you mean "distributions"?'),
        ("file", 'permissions = "0400";', 'did you mean "mode_at_most"?'),
        ("file", 'user = "app";', 'did you mean "owner"?'),
        ("dns", 'record = "A";', 'did you mean "type"?'),
        ("exec", 'command = ["true"]; env = ["A=1"];', "a command has the environment of startguard"),
        ("exec", 'command = ["true"]; shell = true;', 'write command = ["sh", "-c", "..."]'),
        ("http", 'bearer_token = "env:T";', 'did you mean "token"?'),
        ("http", "tls_verify = false;", "certificates are always verified"),
        ("http", 'contains = "ok";', 'did you mean "body_contains"?'),
        ("http", 'name = "api";', "the name of a check stands before its brace"),
        ("redis", 'type = "redis";', "the kind of a check stands around it"),
        ("http", 'json = ( { at = "/roles"; contains = "x"; } );', 'a value of a list is found by its place: at = "/roles/0"'),
    ],
)
def test_names_of_other_tools_lead_to_the_key(guard, kind, keys, words):
    assert words in lint(guard, f"startguard = 1; {kind}: {{ a: {{ {keys} }}; }};").err


def test_a_check_without_a_name_is_one_mistake(guard):
    result = lint(guard, 'startguard = 1;\nredis: {\n url = "redis://cache:6379"; timeout = "5s";\n};')
    assert result.code == 78
    assert "the key url stands outside of one: write redis: { NAME: { url = ...; }; };" in result.err
    assert result.err.count("p.cfg:") == 1 and "nothing to check" not in result.err


def test_a_user_alone_is_a_secret_where_it_may_be_a_token(guard):
    text = 'startguard = 1; %s: { a: { url = "%s"; }; };'
    for kind, url in (("redis", "redis://sesame@c:1"), ("http", "http://sesame@c/")):
        result = guard.cli("show", "-p", guard.write("p.cfg", text % (kind, url)))
        assert result.code == 77 and "a user without a password counts as one" in result.err
        assert "sesame" not in result.err + result.out


def test_a_user_alone_in_a_postgres_url(guard):
    text = 'startguard = 1; postgres: { a: { url = "postgres://app@db/shop"; }; };'
    result = guard.cli("show", "-p", guard.write("p.cfg", text))
    assert result.code == 0 and 'url = "postgres://app@db/shop"' in result.out
    again = guard.cli("show", "-p", guard.write("again.cfg", result.out))
    assert again.code == 0 and "postgres://app@db/shop" in again.out
    result = guard.cli("show", "-w", "postgres://app@db/shop")
    assert result.code == 0 and 'url = "postgres://app@db/shop"' in result.out
    secret = guard.cli("show", "-p", guard.write("s.cfg", text.replace("app@", "app:sesame@")))
    assert secret.code == 77 and "sesame" not in secret.err + secret.out


@pytest.mark.parametrize("name, file", [("ok.conf", "ok.conf"), ("shop", "shop"), ("shop", "shop.cfg")])
def test_the_file_beside_is_named(guard, name, file):
    guard.write(file, 'startguard = 1; file: { a: { path = "/"; }; };')
    for args in (["lint", name], ["check", "-p", name]):
        result = guard.cli(*args, cwd=guard.tmp)
        assert result.code == 78 and f"for the file here write ./{file}" in result.err
    assert guard.cli("lint", f"./{file}", cwd=guard.tmp).code == 0


def test_the_variable_that_holds_no_url_is_named(guard):
    text = 'startguard = 1; redis: { a: { url = "${REDIS_URL}"; }; };'
    result = guard.cli("check", "-p", guard.write("p.cfg", text), env={"REDIS_URL": "hidden-word:6379"})
    assert result.code == 78 and "variable REDIS_URL is to hold a URL for this, but it has no scheme" in result.err
    assert "hidden-word" not in result.err


def test_lint_tells_when_a_mode_has_nothing_to_check(guard):
    result = lint(guard, 'startguard = 1; file: { a: { path = "/"; only_in = ["dev"]; }; };')
    assert result.code == 0
    assert "warning: there is nothing to check in mode prod" in result.err


def test_the_variable_of_a_wrong_mode_is_named(guard):
    result = guard.cli("check", "-w", "file:///", env={"STARTGUARD_MODE": "foo"})
    assert result.code == 64
    assert 'STARTGUARD_MODE: unknown mode "foo"' in result.err


def test_a_file_name_is_cleaned(guard):
    result = guard.cli("lint", "x\x1b[31m.cfg")
    assert result.code == 78
    assert "\x1b" not in result.err


@pytest.mark.uninstrumented
def test_thousands_of_checks_that_wait_for_each_other(guard):
    """A list of all ids for each of them would be 800 MB."""
    checks = " ".join(f'c{i}: {{ path = "/"; {f"""after = ["file.c{i - 1}"];""" if i else ""} }};' for i in range(10_000))
    file = guard.write("chain.cfg", f"startguard = 1; file: {{ {checks} }};")
    done = guard.command(["prlimit", f"--data={300 << 20}", "--", guard.path, "lint", file])
    assert (done.returncode, done.stderr) == (0, "startguard: lint: 1 profile is fine\n")


@pytest.mark.every_row
@pytest.mark.parametrize("line, words", ELSEWHERE)
def test_what_others_would_write(guard, line, words):
    result = lint(guard, "startguard = 1;\n" + line)
    assert result.code == 78
    assert words in result.err
    assert "for @include only" not in result.err


@pytest.mark.parametrize("line, words", DOUBTS)
def test_lint_warns_of_what_is_likely_not_meant(guard, line, words):
    result = lint(guard, "startguard = 1;\n" + line)
    assert result.code == 0
    assert words in result.err and "warning: " in result.err


@pytest.mark.parametrize("line", RIGHT)
def test_lint_takes_what_only_looks_odd(guard, line):
    result = lint(guard, "startguard = 1;\n" + line)
    assert result.code == 0
    assert "warning" not in result.err


@pytest.mark.parametrize(
    "path",
    ['postgres: { a: { url = "postgres://app:$PASS@db/x"; }; };', 'http: { a: { url = "http://h"; token = "$TOKEN"; }; };'],
)
def test_a_variable_without_braces_in_place_of_a_secret(guard, path):
    result = lint(guard, "startguard = 1;\n" + path)
    assert result.code == 77
    assert "holds a secret as plain text" in result.err
    assert "a variable is written ${NAME}, not $NAME" in result.err
    assert "PASS@" not in result.err and "$TOKEN" not in result.err


def test_a_literal_secret_without_a_dollar_is_told_no_more(guard):
    result = lint(guard, 'startguard = 1;\nhttp: { a: { url = "http://h"; token = "a$1"; }; };')
    assert result.code == 77
    assert "$NAME" not in result.err


@pytest.mark.parametrize(
    "value, words",
    [
        ('"redis://r:6379"', "it stands in quotes"),
        ("redis://r:6379\r", "it ends in a line end"),
        ("redis://r:6379 ", "it ends in a blank"),
        ("tcp://10.0.0.1:6379", "it is tcp://ADDRESS:PORT, as Kubernetes sets it for a Service of that name"),
        ("redis://$HOST:6379", "it holds a $ before a name"),
        ("redis://{{ host }}:6379", "it holds the mark of a template"),
    ],
)
def test_values_of_variables_that_are_not_as_meant(guard, value, words):
    text = 'startguard = 1;\nmode = "dev";\nredis: { c: { url = "${CACHE}"; }; };'
    result = guard.run(text, env={"CACHE": value}, mode=None)
    assert result.code == 78
    assert f"likely the value of CACHE is not as meant: {words}" in result.err


def test_a_service_link_in_place_of_a_port(guard):
    text = 'startguard = 1;\ntcp: { c: { address = "redis:${REDIS_PORT}"; }; };'
    result = guard.run(text, env={"REDIS_PORT": "tcp://10.0.0.1:6379"}, mode=None)
    assert result.code == 78
    assert "enableServiceLinks: false" in result.err
    # A wrong value that nothing on its way explains.
    result = guard.run(text, env={"REDIS_PORT": "redis"}, mode=None)
    assert result.code == 78
    assert "the port is a number" in result.err and "likely" not in result.err


def test_a_file_that_is_included_twice(guard):
    guard.write("part.cfg", 'redis: { c: { url = "redis://r:6379"; }; };')
    result = lint(guard, 'startguard = 1;\n@include "part.cfg"\n@include "part.cfg"')
    assert result.code == 78
    assert "redis is set twice in one group (this file is included twice)" in result.err


def test_lint_takes_profiles_with_the_option_of_the_others(guard):
    good, other = guard.write("a.cfg", "startguard = 1;\n" + TCP_LINE), guard.write("b.cfg", "startguard = 1;\n" + TCP_LINE)
    result = guard.cli("lint", "-p", str(good), f"--profile={other}", env={"STARTGUARD_PROFILE": "nowhere"})
    assert result.code == 0
    assert "2 profiles are fine" in result.err
    assert guard.cli("lint", env={"STARTGUARD_PROFILE": str(good)}).code == 64


def test_an_empty_profile(guard):
    assert "p.cfg: is empty" in lint(guard, "\n").err


def test_after_in_a_large_profile(guard):
    """Each id is looked up, whatever the mode; only the first unknown ones get a proposal, which takes a comparison with all."""
    checks = [
        f'c{i}: {{ address = "db:1"; after = ["tcp.d{i}"]; }}; d{i}: {{ address = "db:1"; only_in = ["dev"]; }};'
        for i in range(700)
    ]
    assert lint(guard, "startguard = 1;\ntcp: {\n" + "\n".join(checks) + "\n};").code == 0
    checks = [f'c{i}: {{ address = "db:1"; after = ["tcp.c{i}x"]; }};' for i in range(700)]
    result = lint(guard, "startguard = 1;\ntcp: {\n" + "\n".join(checks) + "\n};")
    assert result.err.count("no check is called") == 700
    assert result.err.count("did you mean") == 20


@pytest.mark.every_row
@pytest.mark.parametrize(
    "kind, keys, words",
    [
        ("kafka", 'bootstrap_servers = "a:9092;b:9092";', 'is not host:port; several are written ["a:9092", "b:9092"]'),
        ("kafka", 'bootstrap_servers = ["a:1 b:2 c:3"];', 'several are written ["a:1", ..., "c:3"]'),
        ("http", 'url = "http://a"; json = ( { at = "$.user.name"; } );', 'begin with / (RFC 6901); write "/user/name"'),
        ("http", 'url = "http://a"; json = ( { at = "issuer"; } );', '; write "/issuer"'),
        ("http", 'url = "http://a"; json = ( { at = "/s"; equals = "UP"; } );', r'with its quotes: "\"UP\"")'),
        ("http", 'url = "http://a"; json = ( { at = "/s"; equals = "${WORD}"; } );', r'with its quotes: "\"allow\"")'),
    ],
)
def test_values_of_other_tools_lead_to_the_form_here(guard, kind, keys, words):
    result = guard.cli("lint", guard.write("p.cfg", f"startguard = 1; {kind}: {{ a: {{ {keys} }}; }};"), env={"WORD": "hidden"})
    assert result.code == 78 and words in result.err
    assert "hidden" not in result.err


def test_a_name_that_two_kinds_have_is_that_of_the_own_kind(guard):
    text = 'startguard = 1; env: { b: { required = ["A"]; }; }; http: { b: { url = "http://b"; }; a: { url = "http://a"; after = "b"; }; };'
    assert 'no check is called "b"; did you mean "http.b"?' in lint(guard, text).err
