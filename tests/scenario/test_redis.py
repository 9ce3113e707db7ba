"""redis: by a scripted peer, and the states that are cheap to have on a real redis-server."""

import pytest

from fakes.certs import Authority, server_context
from fakes.http import HttpServer, Reply
from fakes.resp import CLOSE, INFO, SILENT, RespServer, array, bulk, error, integer, simple
from fakes.tcp import TcpServer, answer, close_at_once, forever, refused_port, silent, with_proxy_line
from servers.redis import RedisServer


def info(**changes):
    lines = {k: v for k, _, v in (line.partition(":") for line in INFO.split("\r\n") if ":" in line)}
    return bulk("\r\n".join(f"{k}:{v}" for k, v in (lines | changes).items()))


@pytest.mark.near_miss(
    "redis-not-redis",
    "redis-wrong-role",
    "redis-version",
    "redis-policy",
    "redis-replicas",
    "redis-key",
    "redis-readonly",
    "redis-cluster-down",
    "redis-master-down",
    "redis-is-sentinel",
)
def test_pass(guard):
    with RespServer(
        {
            "TYPE config": simple("hash"),
            "INFO": info(connected_slaves="1"),
            "ACL WHOAMI": bulk("default"),
            "ACL DRYRUN": simple("OK"),
        }
    ) as s:
        guard.try_(
            "redis",
            url=s.url + "/2",
            role="master",
            min_version="6.2",
            maxmemory_policy="noeviction",
            min_replicas=1,
            can=["GET a", "SET a b"],
            keys='( { name = "config"; type = "hash"; } )',
        ).passed()
        assert ["SELECT", "2"] in s.commands and ["ACL", "DRYRUN", "default", "SET", "a", "b"] in s.commands


ERRORS = {
    "redis-loading": ("LOADING Redis is loading the dataset in memory", 124),
    "redis-master-down": ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 124),
    "redis-busy": ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", 124),
    "redis-misconf": ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", 124),
    "redis-out-of-memory": ("OOM command not allowed when used memory > 'maxmemory'.", 124),
    "redis-cluster-down": ("CLUSTERDOWN The cluster is down", 124),
    "redis-max-clients": ("ERR max number of clients reached", 124),
    "redis-protected-mode": ("DENIED Redis is running in protected mode because protected mode is enabled", 69),
    "redis-replicas": ("NOREPLICAS Not enough good replicas to write.", 124),
    "redis-error": ("WEATHER It rains into the data center.", 124),
    "redis-readonly": ("READONLY You can't write against a read only replica.", 124),
    "auth-required": ("NOAUTH Authentication required.", 69),
    "auth-forbidden": ("NOPERM this user has no permissions to run the 'ping' command", 69),
}


@pytest.mark.parametrize("code", [pytest.param(c, marks=pytest.mark.produces(c)) for c in ERRORS])
def test_error_replies(guard, code):
    words, exit = ERRORS[code]
    with RespServer({"PING": error(words)}) as s:
        guard.try_("redis", url=s.url).expect(code, exit=exit, cause=words[:30], subject=s.address)


@pytest.mark.near_miss(
    "redis-loading", "redis-busy", "redis-max-clients", "redis-misconf", "redis-out-of-memory", "redis-protected-mode"
)
def test_words_in_another_place(guard):
    with RespServer({"PING": error("ERR LOADING is what I say, BUSY, OOM")}) as s:
        guard.try_("redis", url=s.url).expect("redis-error", exit=124, cause="LOADING is what I say")
    with RespServer({"PING": error("BUSYKEY Target key name already exists.")}) as s:
        guard.try_("redis", url=s.url).expect("redis-error")


@pytest.mark.produces("redis-database")
@pytest.mark.near_miss("redis-error", "protocol-mismatch", "redis-command")
@pytest.mark.parametrize(
    "words", ["ERR DB index is out of range", "ERR invalid DB index", "ERR SELECT is not allowed in cluster mode"]
)
def test_database(guard, words):
    with RespServer({"SELECT": error(words)}) as s:
        guard.try_("redis", url=s.url + "/20").expect("redis-database", exit=69, cause=words)
        guard.try_("redis", url=s.url, database=20).expect("redis-database", exit=69, cause=words)


@pytest.mark.near_miss("redis-database")
def test_database_by_url(guard):
    with RespServer() as s:
        guard.try_("redis", url=s.url + "/3", database=3).passed()
        guard.try_("redis", url=s.url + "/", database=4).passed()
        assert [c[1] for c in s.commands if c[0] == "SELECT"] == ["3", "4"]


@pytest.mark.parametrize(
    "url,keys,words",
    [
        ("redis://h/x", {}, "number of a database"),
        ("redis://h/2?db=3", {}, "two databases"),
        ("redis://h?db=3", {"database": 2}, "another one"),
        ("redis://h?db=three", {}, "not a number"),
        ("rediss://h?ssl_cert_reqs=maybe", {}, "ssl_cert_reqs"),
        ("redis://h?password=pw-12345", {}, "where it would be printed"),
        ("unix://run/r.sock", {}, "three slashes"),
        ("redis://h", {"tls": True}, "use rediss://"),
        ("redis://h/99999999", {}, "number of a database"),
        ("redis://h/2", {"database": 3}, "another one"),
        ("unix:///run/r.sock?db=2", {"database": 3}, "another one"),
        ("redis://user@h", {}, "without a password"),
        ("redis://h", {"username": "app"}, "needs password"),
        ("redis://:pw-12345@h", {"password": "env:PW"}, "exclude each other"),
    ],
)
def test_what_would_be_ignored(guard, url, keys, words):
    guard.try_("redis", url=url, _mode="dev", **keys).problem(words, exit=64)


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize("path", ["/x", "/1?db=3"])
def test_what_would_be_ignored_by_reference(guard, path):
    with RespServer() as s:
        guard.try_("redis", url="env:URL", _env={"URL": s.url + path}).expect(
            "env-mismatch", exit=69, subject="URL", cause="the url "
        )
        assert s.commands == []


@pytest.mark.produces("redis-command")
@pytest.mark.near_miss("redis-version", "redis-not-redis", "protocol-mismatch")
def test_renamed_commands(guard):
    with RespServer({"INFO": error("ERR unknown command 'INFO', with args beginning with: ")}) as s:
        guard.try_("redis", url=s.url, min_version="6").expect("redis-command", exit=69, cause="INFO: ERR unknown")
    with RespServer(
        {"ACL": error("ERR unknown command 'ACL', with args beginning with: "), "INFO": info(redis_version="7.2.0")}
    ) as s:
        guard.try_("redis", url=s.url, can=["GET x"]).expect("redis-command", exit=69, cause="GET x: ERR unknown")


@pytest.mark.produces("redis-max-clients", "redis-protected-mode")
def test_errors_at_the_greeting(guard):
    with RespServer({"": error("ERR max number of clients reached")}) as s:
        guard.try_("redis", url=s.url).expect("redis-max-clients")
    with RespServer({"": error("DENIED Redis is running in protected mode because")}) as s:
        guard.try_("redis", url=s.url).expect("redis-protected-mode")


# ---- logins ----


@pytest.mark.near_miss("auth-failed", "auth-required", "auth-forbidden")
def test_login(guard):
    with RespServer(password={"default": "pw-12345", "app": "pw-67890"}) as s:
        guard.try_("redis", url=s.url, password="env:PW", _env={"PW": "pw-12345"}).passed()
        guard.try_("redis", url=s.url, username="app", password="env:PW", _env={"PW": "pw-67890"}).passed()


@pytest.mark.produces("auth-failed")
@pytest.mark.near_miss("auth-required")
def test_wrong_password(guard):
    with RespServer(password="right-one") as s:
        result = guard.try_("redis", url=s.url, password="env:PW", _env={"PW": "wrong-one"})
        result.expect("auth-failed", exit=69, phase="auth")
        assert "wrong-one" not in result.err + str(result.report)


@pytest.mark.produces("auth-failed")
def test_password_where_none_is_set(guard):
    words = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
    with RespServer({"AUTH": error(words)}) as s:
        guard.try_("redis", url=s.url, password="env:PW", _env={"PW": "something"}).expect("auth-failed", hint="drop password")


# ---- what it must be ----

INFOS = [
    ("redis-wrong-role", dict(role="slave", master_link_status="up"), dict(role="master")),
    ("redis-wrong-role", dict(), dict(role="replica")),
    ("redis-master-down", dict(role="slave", master_link_status="down"), dict(role="replica")),
    ("redis-version", dict(redis_version="6.0.16"), dict(min_version="6.2")),
    ("redis-policy", dict(maxmemory_policy="allkeys-lru"), dict(maxmemory_policy="noeviction")),
    ("redis-replicas", dict(connected_slaves="1"), dict(min_replicas=2)),
]


@pytest.mark.parametrize("code,has,wants", [pytest.param(*row, marks=pytest.mark.produces(row[0])) for row in INFOS])
def test_info(guard, code, has, wants):
    with RespServer({"INFO": info(**has)}) as s:
        guard.try_("redis", url=s.url, **wants).expect(code, phase="assert")


@pytest.mark.produces("redis-version")
def test_version_of_one_number(guard):
    with RespServer({"INFO": info(redis_version="7.0.15")}) as s:
        text = 'startguard = 1; redis: {{ c: {{ url = "{}"; min_version = {}; }}; }};'
        for good in ("7", '"7"', '"7.0"', '"6"'):
            guard.check(text.format(s.url, good)).passed()
        guard.check(text.format(s.url, "7.0")).problem("must be in quotes", exit=78)
        for bad in ("99", '"99"', "8", '"7.1"'):
            guard.check(text.format(s.url, bad)).expect("redis-version", exit=69)


@pytest.mark.produces("env-missing")
@pytest.mark.near_miss("connect-refused")
def test_password_that_is_not_there(guard):
    """Told before a server is asked that is not there either: it will not come by waiting."""
    guard.try_("redis", url=f"redis://127.0.0.1:{refused_port()}", password="env:NOT_SET").expect(
        "env-missing", exit=69, subject="NOT_SET"
    )


@pytest.mark.near_miss("redis-wrong-role", "redis-version")
def test_replica(guard):
    with RespServer({"INFO": info(role="slave", master_link_status="up", redis_version="7.2.0")}) as s:
        guard.try_("redis", url=s.url, role="replica", min_version="7.2").passed()


# What forks say in INFO and ROLE (Dragonfly #4760, KeyDB #838, valkey-doc #427).
DRAGONFLY = "redis_version:7.2.0\r\ndragonfly_version:df-v1.15.0\r\nrole:replica\r\nmaster_link_status:{}\r\n"
KEYDB = "redis_version:6.3.4\r\nrole:active-replica\r\nmaster_link_status:{}\r\n"
VALKEY = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nrole:primary\r\n"


@pytest.mark.near_miss("redis-wrong-role", "redis-master-down")
@pytest.mark.parametrize(
    "text,role",
    [
        (DRAGONFLY.format("up"), "replica"),
        (KEYDB.format("up"), "replica"),
        (KEYDB.format("up"), "master"),
        (KEYDB.format("down"), "master"),
        (VALKEY, "master"),
    ],
)
def test_roles_of_forks(guard, text, role):
    with RespServer({"INFO": bulk(text)}) as s:
        guard.try_("redis", url=s.url, role=role).passed()


@pytest.mark.produces("redis-master-down", "redis-wrong-role")
def test_what_forks_are_not(guard):
    for text, role, code in (
        (DRAGONFLY.format("down"), "replica", "redis-master-down"),
        (DRAGONFLY.format("down"), "any", "redis-master-down"),
        (KEYDB.format("down"), "replica", "redis-master-down"),
        (DRAGONFLY.format("up"), "master", "redis-wrong-role"),
        (VALKEY, "replica", "redis-wrong-role"),
    ):
        with RespServer({"INFO": bulk(text)}) as s:
            guard.try_("redis", url=s.url, role=role, min_version="6").expect(code, exit=124)


@pytest.mark.produces("redis-version")
def test_versions_of_forks(guard):
    with RespServer({"INFO": bulk(VALKEY)}) as s:
        guard.try_("redis", url=s.url, min_version="8.0").expect(
            "redis-version", exit=69, cause="Valkey 8.1.0, compatible with Redis 7.2.4", hint="version of Redis"
        )
        passed = guard.try_("redis", url=s.url, min_version="7.2")
        passed.passed()
        assert passed.check()["facts"]["server"] == "Valkey 8.1.0"
    with RespServer({"INFO": bulk(DRAGONFLY.format("up"))}) as s:
        guard.try_("redis", url=s.url, min_version="7.4").expect("redis-version", cause="Dragonfly 1.15.0")
    with RespServer({"INFO": bulk("role:master\r\n")}) as s:
        guard.try_("redis", url=s.url, min_version="7.4").expect("redis-version", cause="tells no redis_version")


def test_sections_of_info(guard):
    """The whole text may be too large; some servers know no sections, or not all."""
    whole = info(maxmemory_policy="allkeys-lru")
    keys = dict(role="master", min_version="7", min_replicas=0, maxmemory_policy="allkeys-lru")
    for script in (
        {"INFO": bulk("x" * 2_000_000), "INFO REPLICATION": whole, "INFO SERVER": whole, "INFO MEMORY": whole},
        {"INFO": whole, "INFO REPLICATION": error("ERR wrong number of arguments for 'info' command")},
        {"INFO": whole, "INFO REPLICATION": bulk("")},
        {"INFO": whole, "INFO REPLICATION": error("ERR syntax error")},
    ):
        with RespServer(script) as s:
            guard.try_("redis", url=s.url, **keys).passed()


@pytest.mark.near_miss("auth-forbidden", "redis-command")
@pytest.mark.parametrize("words", ["NOPERM no permissions to run the 'info' command", "ERR unknown command 'info'"])
def test_role_without_info(guard, words):
    with RespServer({"INFO": error(words)}) as s:
        guard.try_("redis", url=s.url, role="master", min_replicas=0).passed()
        guard.try_("redis", url=s.url, role="master", min_replicas=1).expect("redis-replicas")
    for state, code in (("connected", None), ("stable_sync", None), ("connecting", "redis-master-down")):
        with RespServer({"INFO": error(words), "ROLE": array(["slave", "10.0.0.1", 6379, state, 1])}) as s:
            result = guard.try_("redis", url=s.url, role="replica")
            result.expect(code, exit=124) if code else result.passed()


# ---- what is not permitted, and not needed ----

NOT_PERMITTED = [
    "NOPERM User app has no permissions to run the 'ping' command",
    "ERR command 'PING' not support for your account",
    "ERR unknown command 'PING', with args beginning with: ",
    "ERR unsupported command PING",
    "ERR This command is not allowed",
]


@pytest.mark.near_miss("auth-forbidden", "redis-command", "redis-error")
@pytest.mark.parametrize("words", NOT_PERMITTED)
def test_ping_is_not_demanded(guard, words):
    with RespServer({"PING": error(words), "ROLE": error(words)}, password={"app": "pw-12345"}) as s:
        guard.try_("redis", url=s.url, username="app", password="env:PW", _env={"PW": "pw-12345"}).passed()


@pytest.mark.near_miss("connect-closed", "connect-reset", "answer-timeout")
@pytest.mark.parametrize("reply", [CLOSE, SILENT])
def test_a_proxy_that_says_nothing_to_unknown_commands(guard, reply):
    with RespServer({"ROLE": reply}) as s:
        guard.try_("redis", url=s.url, keys='["a"]', attempt_timeout=guard.span(3)).expect("redis-command", cause="TYPE")
        s.script["TYPE"] = simple("string")
        guard.try_("redis", url=s.url, keys='["a"]', attempt_timeout=guard.span(3)).passed()


@pytest.mark.near_miss("protocol-mismatch")
@pytest.mark.parametrize("who", [b"$-1\r\n", b":1\r\n", error("ERR unknown command 'ACL'")])
def test_can_where_acl_is_of_no_use(guard, who):
    with RespServer({"ACL": who, "MULTI": simple("OK"), "GET": simple("QUEUED"), "DISCARD": simple("OK")}) as s:
        guard.try_("redis", url=s.url, can=["GET x"]).passed()


@pytest.mark.produces("auth-forbidden")
def test_a_user_who_may_get_and_set_only(guard):
    with RedisServer() as server:
        server.ask("ACL", "SETUSER", "app", "on", ">pw-12345", "~app:*", "-@all", "+get", "+set")
        server.ask("SET", "app:x", "1")
        keys = {"url": server.socket_url, "username": "app", "password": "env:PW", "_env": {"PW": "pw-12345"}}
        guard.try_("redis", **keys).passed()
        guard.try_("redis", can=["GET app:x"], write_probe="app:", **keys).passed()
        guard.try_("redis", keys='["app:x"]', **keys).passed()
        guard.try_("redis", keys='["app:y"]', **keys).expect("redis-key")
        guard.try_("redis", can=["GET other"], **keys).expect("auth-forbidden", exit=69, cause="NOPERM")
        guard.try_("redis", can=["SET app:x 1"], **keys).expect("auth-forbidden", exit=69, cause="can be asked neither")
        guard.try_("redis", role="master", **keys).expect("auth-forbidden", exit=69, cause="INFO")


@pytest.mark.produces("auth-forbidden")
def test_can_by_multi(guard):
    """Queued, and discarded: also where ACL is not permitted, or does not know DRYRUN."""
    with RedisServer() as server:
        server.ask("ACL", "SETUSER", "app", "on", ">pw-12345", "~app:*", "-@all", "+get", "+set", "+multi", "+discard")
        keys = {"url": server.socket_url, "username": "app", "password": "env:PW", "_env": {"PW": "pw-12345"}}
        guard.try_("redis", can=["GET app:x", "SET app:x 1"], **keys).passed()
        for refused in ("SET other 1", "DEL app:x"):
            guard.try_("redis", can=["GET app:x", refused], **keys).expect("auth-forbidden", exit=69, cause="NOPERM")
        assert server.ask("GET", "app:x") is None


@pytest.mark.produces("redis-is-sentinel")
def test_the_port_of_a_sentinel(guard):
    with RespServer({"ROLE": array(["sentinel", [["mymaster"]]])}) as s:
        guard.try_("redis", url=s.url).expect("redis-is-sentinel", exit=69, hint="master_name")
        guard.try_("redis", url=s.url, role="master").expect("redis-is-sentinel", exit=69)


@pytest.mark.produces("auth-failed")
def test_a_user_where_there_are_none(guard):
    words = "ERR wrong number of arguments for 'auth' command"
    with RespServer({"AUTH": error(words)}) as s:
        guard.try_("redis", url=s.url, username="app", password="env:PW", _env={"PW": "pw-12345"}).expect(
            "auth-failed", exit=69, cause=words, hint="have no users"
        )


@pytest.mark.near_miss("redis-cluster-down", "auth-forbidden")
def test_a_cluster_by_its_slots(guard):
    """Clients of a cluster need CLUSTER SLOTS, and not CLUSTER INFO."""
    no = error("NOPERM User app has no permissions to run the 'cluster|info' command")
    node = ["10.0.0.1", 6379, "id"]
    with RespServer({"CLUSTER INFO": no, "CLUSTER SLOTS": array([[0, 8191, node], [8192, 16383, node]])}) as s:
        guard.try_("redis", url=s.url, cluster=True).passed()


@pytest.mark.produces("redis-cluster-down", "auth-forbidden")
def test_a_cluster_that_lacks_slots(guard):
    no = error("NOPERM User app has no permissions to run the 'cluster|info' command")
    node = ["10.0.0.1", 6379, "id"]
    for slots in ([], [[0, 16382, node]], [[0, 16384, node]], [["0", "16383", node]], [[0, 16383]]):
        with RespServer({"CLUSTER INFO": no, "CLUSTER SLOTS": array(slots)}) as s:
            guard.try_("redis", url=s.url, cluster=True).expect("redis-cluster-down", exit=124, cause="CLUSTER SLOTS")
    with RespServer({"CLUSTER": no}) as s:
        guard.try_("redis", url=s.url, cluster=True).expect("auth-forbidden", exit=69)


@pytest.mark.produces("redis-no-cluster")
def test_a_server_without_cluster(guard):
    with RedisServer() as server:
        guard.try_("redis", url=server.socket_url, cluster=True).expect("redis-no-cluster", exit=69)


@pytest.mark.produces("redis-cluster-down")
@pytest.mark.near_miss("redis-no-cluster")
def test_cluster(guard):
    state = "cluster_state:{}\r\ncluster_slots_ok:{}\r\n"
    with RespServer({"INFO": info(cluster_enabled="1"), "CLUSTER INFO": bulk(state.format("fail", 16000))}) as s:
        guard.try_("redis", url=s.url, cluster=True).expect("redis-cluster-down", cause="16000 of 16384")


@pytest.mark.near_miss("redis-cluster-down")
def test_cluster_ok(guard):
    for text in ("cluster_state:ok\r\ncluster_slots_ok:16384\r\n", "cluster_state:ok\r\n"):
        with RespServer({"CLUSTER INFO": bulk(text)}) as s:
            guard.try_("redis", url=s.url, cluster=True).passed()


@pytest.mark.produces("redis-key")
def test_keys(guard):
    with RespServer({"TYPE a": simple("none"), "TYPE b": simple("list")}) as s:
        guard.try_("redis", url=s.url, keys='["a"]').expect("redis-key", cause="does not exist")
        guard.try_("redis", url=s.url, keys='( { name = "b"; type = "hash"; } )').expect("redis-key", cause="a list")


@pytest.mark.produces("auth-forbidden", "redis-version")
def test_can(guard):
    with RespServer(
        {"ACL WHOAMI": bulk("app"), "ACL DRYRUN": bulk("User app has no permissions to run the 'set' command")}
    ) as s:
        guard.try_("redis", url=s.url, can=["SET a b"]).expect("auth-forbidden", exit=69, cause="no permissions")
    with RespServer(
        {
            "ACL WHOAMI": bulk("app"),
            "ACL DRYRUN": error("ERR Unknown subcommand or wrong number of arguments for 'DRYRUN'"),
            "INFO": info(redis_version="6.2.0"),
        }
    ) as s:
        guard.try_("redis", url=s.url, can=["SET a b"]).expect("redis-version", exit=69)


# ---- peers that are not Redis ----


@pytest.mark.produces("redis-not-redis")
def test_other_protocols(guard):
    with HttpServer({"*": Reply(200)}) as s:
        guard.try_("redis", url=f"redis://{s.address}").expect("redis-not-redis", exit=69, cause="HTTP/1.1")
    with RespServer({"PING": integer(7)}) as s:
        guard.try_("redis", url=s.url).expect("redis-not-redis")


@pytest.mark.produces(
    "tls-required", "answer-timeout", "connect-closed", "answer-too-large", "connect-refused", "answer-truncated"
)
@pytest.mark.near_miss("redis-not-redis")
def test_hostile_peers(guard):
    with TcpServer(silent) as s:
        guard.try_("redis", url=f"redis://{s.address}", attempt_timeout=guard.span(2)).expect("answer-timeout")
    for handler, code in (
        (answer(b"\x15\x03\x03\x00\x02\x02\x46"), "tls-required"),
        (forever(b"x" * 65536, prefix=b"$500000000\r\n"), "answer-too-large"),
        (answer(b"$100\r\nabc"), "answer-truncated"),
    ):
        with TcpServer(handler) as s:
            guard.try_("redis", url=f"redis://{s.address}").expect(code)
    with TcpServer(close_at_once) as s:
        assert guard.try_("redis", url=f"redis://{s.address}").check()["code"] in ("connect-closed", "connect-reset")
    with RespServer({"": b""}) as s:
        s.script["PING"] = CLOSE
        guard.try_("redis", url=s.url).expect("connect-closed")
    guard.try_("redis", url=f"redis://127.0.0.1:{refused_port()}").expect("connect-refused")


@pytest.mark.produces("answer-timeout")
def test_the_answer_that_did_not_come_is_named(guard):
    for reply, words in (
        (SILENT, "no answer to INFO"),
        (b"$100\r\n# Server", "the answer to INFO began, but was not complete in time: 14 bytes"),
    ):
        with RespServer({"INFO": reply}) as s:
            guard.try_("redis", url=s.url, role="master", attempt_timeout=guard.span(2)).expect(
                "answer-timeout", exit=124, cause=words
            )


def test_deep_nesting_does_not_crash(guard):
    with TcpServer(answer(b"*1\r\n" * 100000)) as s:
        assert guard.try_("redis", url=f"redis://{s.address}").check()["outcome"] == "fail"


def test_tls(guard, tmp_path):
    authority = Authority(tmp_path)
    with RespServer(tls=server_context(authority.issue())) as s:
        guard.try_("redis", url=s.url, ca_file=authority.ca_file).passed()
        guard.try_("redis", url=s.url.replace("rediss", "redis")).expect("tls-required", exit=69)


# ---- a real server ----


def test_real(guard):
    with RedisServer(password="pw-12345") as server:
        url = server.socket_url
        guard.try_(
            "redis",
            url=url,
            password="env:PW",
            role="master",
            min_version="6.0",
            can=["GET x"],
            write_probe="sg:",
            maxmemory_policy="noeviction",
            _env={"PW": "pw-12345"},
        ).passed()
        guard.try_("redis", url=url, password="env:PW", _env={"PW": "wrong"}).expect("auth-failed")
        guard.try_("redis", url=url).expect("auth-required")


@pytest.mark.produces("redis-database", "redis-command")
def test_real_errors(guard):
    with RedisServer(databases=2, rename_command='INFO ""') as server:
        url = server.socket_url
        guard.try_("redis", url=url, database=2).expect("redis-database", exit=69)
        guard.try_("redis", url=url, min_version="6").expect("redis-command", exit=69, cause="INFO")
        guard.try_("redis", url=url, role="master").passed()  # ROLE says it
        guard.try_("redis", url=url, role="replica").expect("redis-wrong-role")
        guard.try_("redis", url=url, can=["NOSUCHCOMMAND x"]).expect("redis-command", exit=69, cause="ACL DRYRUN")


@pytest.mark.produces("protocol-mismatch")
@pytest.mark.near_miss("redis-command")
@pytest.mark.parametrize("keys", [{}, {"role": "master"}, {"password": "env:PW"}], ids=["ping", "role", "login"])
def test_real_behind_a_proxy_that_sends_the_proxy_protocol(guard, keys):
    with RedisServer() as server, TcpServer(with_proxy_line(server.port)) as balancer:
        result = guard.try_("redis", url=f"redis://{balancer.address}", _env={"PW": "pw-12345"}, **keys)
        result.expect("protocol-mismatch", exit=69, cause="PROXY", hint="send-proxy")
        assert "pw-12345" not in str(result)


@pytest.mark.produces("tls-required")
@pytest.mark.near_miss("connect-reset", "connect-closed")
def test_real_tls(guard):
    with RedisServer(tls=True) as server:
        guard.try_("redis", url=server.tls_url, ca_file=server.ca_file).passed()
        address = server.tls_url.removeprefix("rediss://")
        for keys in ({}, {"password": "env:PW", "_env": {"PW": "pw-12345"}}):
            guard.try_("redis", url=f"redis://{address}", **keys).expect("tls-required", exit=69)
        guard.try_("http", url=f"http://{address}").expect("tls-required", exit=69)
        guard.try_("tcp", address=address, expect_banner="x", attempt_timeout=guard.span(2)).expect("answer-timeout")


@pytest.mark.produces("tls-peer-is-plaintext")
def test_rediss_to_a_plain_server(guard):
    with RedisServer(password="pw-12345") as server:
        guard.try_("redis", url=f"rediss://127.0.0.1:{server.port}").expect(
            "tls-peer-is-plaintext", exit=69, cause="NOAUTH", hint="use redis://"
        )


@pytest.mark.produces("redis-out-of-memory")
def test_real_out_of_memory(guard):
    with RedisServer(maxmemory=1) as server:
        guard.try_("redis", url=server.socket_url, write_probe="sg:").expect("redis-out-of-memory")


@pytest.mark.produces("redis-master-down", "redis-readonly")
def test_real_replica_without_master(guard):
    with RedisServer(replicaof=f"127.0.0.1 {refused_port()}") as server:
        guard.try_("redis", url=server.socket_url, role="replica").expect("redis-master-down")
        guard.try_("redis", url=server.socket_url, write_probe="sg:").expect("redis-readonly")
