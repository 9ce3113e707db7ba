"""redis: the ways to the server: URLs of platforms, sentinels, seeds of a cluster, redirections."""

import contextlib

import pytest

from fakes.certs import Authority, server_context
from fakes.resp import CLOSE, SILENT, RespServer, array, bulk, error, simple
from fakes.tcp import TcpServer, full_backlog, refused_port, silent
from servers import common
from servers.redis import RedisServer, SentinelServer

COMPLETE = {"CLUSTER INFO": bulk("cluster_state:ok\r\ncluster_slots_ok:16384\r\n")}


# ---- URLs ----


@pytest.mark.near_miss("env-mismatch")
@pytest.mark.parametrize(
    "scheme,rest,database",
    [
        ("redis", "?db=1", "1"),
        ("redis", "/?db=1&protocol=3", "1"),
        ("redis", "/1?db=1", "1"),
        ("redis", "/2/", "2"),
        ("redis", "/0/", None),
        ("redis", "/?socket_timeout=5;health_check_interval=30", None),
        ("redis", "/3?client_name=a%20b&max_connections=10", "3"),
        ("valkey", "/4", "4"),
    ],
)
def test_urls_of_platforms(guard, scheme, rest, database):
    with RespServer() as s:
        url = f"{scheme}://{s.address}{rest}"
        for keys in ({"url": url}, {"url": "env:REDIS_URL", "_env": {"REDIS_URL": url}}):
            guard.try_("redis", **keys).passed()
        asked = [c[1] for c in s.commands if c[0] == "SELECT"]
        assert asked == ([database] * 2 if database else [])


def test_parameters_that_mean_nothing_here_are_told(guard):
    with RespServer() as s:
        result = guard.try_("redis", url=s.url + "?protocol=3&socket_timeout=5")
        result.passed()
        assert result.check()["facts"]["url_parameters_passed_over"] == "protocol,socket_timeout"


@pytest.mark.parametrize("scheme", ["unix://", "redis+socket://"])
def test_urls_of_sockets(guard, scheme):
    with RedisServer() as server:
        path = server.socket_url.removeprefix("unix://")
        guard.try_("redis", url=f"{scheme}{path}?virtual_host=2").passed()
        guard.try_("redis", url=f"{scheme}{path}?db=99").expect("redis-database")


@pytest.mark.near_miss("auth-required", "auth-failed")
def test_logins_in_urls(guard):
    with RespServer(password={"default": "pw-12345", "app": "pw-67890"}) as s:
        for login, rest in (
            (":pw-12345@", ""),
            ("app:pw-67890@", ""),
            ("", "?password=pw-12345"),
            ("", "?username=app&password=pw-67890"),
        ):
            result = guard.try_("redis", url="env:REDIS_URL", _env={"REDIS_URL": f"redis://{login}{s.address}{rest}"})
            result.passed()
            assert "pw-" not in result.err + str(result.report)
    with RespServer() as s:
        guard.try_("redis", url="env:REDIS_URL", _env={"REDIS_URL": f"redis://:@{s.address}"}).passed()
        assert ["AUTH", ""] not in s.commands


def test_tls_in_urls(guard, tmp_path):
    authority = Authority(tmp_path)
    with RespServer(tls=server_context(authority.issue())) as s:
        for rest in (
            f"?ssl_cert_reqs=required&ssl_ca_certs={authority.ca_file}",
            "?ssl_cert_reqs=none",
            "?ssl_cert_reqs=CERT_NONE",
        ):
            for scheme in ("rediss", "valkeys"):
                guard.try_("redis", url="env:REDIS_URL", _env={"REDIS_URL": f"{scheme}://{s.address}/0{rest}"}).passed()
        guard.try_("redis", url=f"redis://{s.address}?ssl=true&ssl_ca_certs={authority.ca_file}").passed()
        for rest in ("?ssl_cert_reqs=required", "?ssl_cert_reqs=optional", ""):
            code = guard.try_("redis", url=s.url + rest).check()["code"]
            assert code in ("tls-unknown-ca", "tls-self-signed")


def test_a_ca_of_the_profile_is_used_whatever_the_url_says(guard, tmp_path):
    authority, other = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    with RespServer(tls=server_context(authority.issue())) as s:
        result = guard.try_("redis", url=s.url + "?ssl_cert_reqs=none", ca_file=other.ca_file)
        assert result.check()["code"] in ("tls-unknown-ca", "tls-self-signed")


# ---- sentinels ----


@pytest.mark.near_miss("redis-sentinel-no-master")
def test_sentinel(guard):
    with RespServer() as master, RespServer({"SENTINEL": array(["127.0.0.1", str(master.port)])}) as sentinel:
        guard.try_(
            "redis", sentinels=[f"127.0.0.1:{refused_port()}", sentinel.address], master_name="m", role="master"
        ).passed()


@pytest.mark.near_miss("answer-timeout", "connect-timeout", "guard-deadline")
@pytest.mark.parametrize("how", ["silent", "black hole"])
def test_a_sentinel_that_does_not_answer(guard, how):
    """It gets its share of the attempt: the next one has its own."""
    with (
        RespServer() as master,
        RespServer({"SENTINEL": array(["127.0.0.1", str(master.port)])}) as sentinel,
        TcpServer(silent) if how == "silent" else full_backlog() as dead,
    ):
        guard.check(f"""startguard = 1; redis: {{ c: {{ sentinels = ["{dead.address}", "{sentinel.address}"]; master_name = "m"; role = "master";
            attempt_timeout = "{guard.span(3)}"; }}; }};""").passed()


@pytest.mark.produces("redis-sentinel-no-master")
def test_sentinel_without_master(guard):
    with RespServer({"SENTINEL": b"*-1\r\n"}) as sentinel:
        guard.try_("redis", sentinels=[sentinel.address], master_name="m").expect(
            "redis-sentinel-no-master", exit=124, subject="master m"
        )


def names(server):
    return {"SENTINEL": array(["127.0.0.1", str(server.port)])}


@pytest.mark.produces("auth-required", "auth-failed")
def test_sentinels_with_a_login_of_their_own(guard):
    env = {"PW": "pw-12345", "SPW": "pw-67890"}
    logins = {"default": "pw-67890", "app": "pw-24680"}
    with RespServer(password="pw-12345") as master, RespServer(password=logins) as sentinel:
        sentinel._do_sentinel = lambda args, connection: array(["127.0.0.1", str(master.port)])
        keys = {"sentinels": [sentinel.address], "master_name": "m", "password": "env:PW", "_env": env}
        guard.try_("redis", **keys).expect("auth-required", exit=69, hint="sentinel_password")
        guard.try_("redis", sentinel_password="env:SPW", **keys).passed()
        guard.try_("redis", sentinel_password="env:PW", **keys).expect("auth-failed", exit=69, hint="sentinel_password")
        keys["_env"] = env | {"SPW": "pw-24680"}
        guard.try_("redis", sentinel_username="app", sentinel_password="env:SPW", **keys).passed()


@pytest.mark.parametrize("where", ["both", "sentinels", "servers"])
def test_sentinels_with_tls(guard, tmp_path, where):
    authority = Authority(tmp_path)
    context = server_context(authority.issue())
    with (
        RespServer(tls=context if where != "sentinels" else None) as master,
        RespServer(names(master), tls=context if where != "servers" else None) as sentinel,
    ):
        guard.try_(
            "redis",
            sentinels=[sentinel.address],
            master_name="m",
            tls=where != "sentinels",
            sentinel_tls=where != "servers",
            ca_file=authority.ca_file,
        ).passed()


@pytest.mark.parametrize(
    "keys,words",
    [
        ({"sentinels": ["h:26379"], "master_name": "m", "ca_file": "/ca.pem"}, "TLS only"),
        ({"sentinels": ["h:26379"]}, "belong together"),
        ({"sentinels": ["h:26379"], "master_name": "m", "sentinel_username": "a"}, "needs sentinel_password"),
        ({"url": "redis://h", "sentinel_tls": True}, "sentinels only"),
        ({"sentinels": ["h:26379"], "master_name": "m", "role": "replica"}, "name the master"),
        ({"seeds": ["h:6379"], "url": "redis://h"}, "exclude each other"),
        ({"seeds": ["h"]}, "host:port"),
    ],
)
def test_what_cannot_meet(guard, keys, words):
    guard.try_("redis", **keys).problem(words, exit=64)


@pytest.mark.produces("redis-wrong-role")
@pytest.mark.parametrize("info_only", [False, True])
def test_a_sentinel_that_names_a_replica(guard, info_only):
    script = {
        "ROLE": array(["slave", "10.0.0.1", 6379, "connected", 1]),
        "INFO": bulk("role:slave\r\nmaster_link_status:up\r\n"),
    }
    if info_only:
        script["ROLE"] = error("NOPERM no permissions to run the 'role' command")
    with (
        RespServer(script) as replica,
        RespServer() as master,
        RespServer(names(replica)) as late,
        RespServer(names(master)) as right,
    ):
        guard.try_("redis", sentinels=[late.address], master_name="m").expect(
            "redis-wrong-role", exit=124, subject=replica.address, cause="it is a replica"
        )
        result = guard.try_("redis", sentinels=[late.address, right.address], master_name="m")
        result.passed()
        assert result.check()["facts"]["master"] == master.address


@pytest.mark.near_miss("redis-wrong-role")
def test_a_named_master_whose_role_cannot_be_asked(guard):
    no = error("ERR unknown command")
    with RespServer({"ROLE": no, "INFO": no}) as master, RespServer(names(master)) as sentinel:
        guard.try_("redis", sentinels=[sentinel.address], master_name="m").passed()


@pytest.mark.near_miss("redis-sentinel-no-master", "redis-command", "auth-required", "connect-closed", "redis-loading")
@pytest.mark.parametrize(
    "first",
    [
        {"SENTINEL": b"*-1\r\n"},
        {"SENTINEL": error("ERR unknown command 'SENTINEL'")},
        {"SENTINEL": error("NOAUTH Authentication required.")},
        {"SENTINEL": error("IDONTKNOW I have not enough information")},
        {"SENTINEL": array(["127.0.0.1", "1"])},
        {"SENTINEL": array(["a", "b", "c"])},
        {"SENTINEL": CLOSE},
        {"SENTINEL": SILENT},
    ],
)
def test_the_next_sentinel_is_asked(guard, first):
    with RespServer() as master, RespServer(first) as wrong, RespServer(names(master)) as right:
        guard.try_("redis", sentinels=[wrong.address, right.address], master_name="m", attempt_timeout=guard.span(4)).passed()


@pytest.mark.produces("connect-refused")
@pytest.mark.near_miss("redis-command")
def test_one_that_may_still_come_right_is_waited_for(guard):
    """What is final at one peer is not final while another may answer."""
    with RespServer({"SENTINEL": error("ERR unknown command 'SENTINEL'")}) as wrong:
        guard.try_("redis", sentinels=[wrong.address, f"127.0.0.1:{refused_port()}"], master_name="m", _limit="500ms").expect(
            "connect-refused", exit=124
        )


@pytest.mark.produces("redis-is-sentinel")
def test_real_sentinel(guard):
    with RedisServer(password="pw-12345") as master:
        with SentinelServer(master, password="pw-67890") as sentinel:
            address = f"127.0.0.1:{sentinel.port}"
            env = {"PW": "pw-12345", "SPW": "pw-67890"}
            keys = {"sentinels": [address], "master_name": "m", "password": "env:PW", "_env": env}
            guard.try_("redis", sentinel_password="env:SPW", role="master", **keys).passed()
            guard.try_("redis", **keys).expect("auth-required", exit=69, hint="sentinel_password")
            guard.try_("redis", url=f"redis://{address}", password="env:SPW", _env=env).expect("redis-is-sentinel", exit=69)


# ---- URLs that name several hosts ----


def ways(guard, url, **more):
    """The same URL as the key, by reference, filled in from a variable, and as -w gives it."""
    env = more.pop("_env", {}) | {"REDIS_URL": url}
    yield guard.check(f'startguard = 1; redis: {{ c: {{ url = "{url}"; }}; }};', mode="dev", env=env)
    for text in ("env:REDIS_URL", "${REDIS_URL}"):
        yield guard.check(f'startguard = 1; redis: {{ c: {{ url = "{text}"; }}; }};', env=env)
    yield guard.cli("-w", "env:REDIS_URL", "-t", "5s", "--report", guard.tmp / "w.json", env=env)
    yield guard.cli("-w", url, "-t", "5s", "-m", "dev", env=env)
    yield guard.try_("redis", url="env:REDIS_URL", _env=env)


@pytest.mark.near_miss("env-mismatch", "redis-is-sentinel", "auth-required")
@pytest.mark.parametrize(
    "form",
    [
        "redis+sentinel://:pw-12345@{0},{1}/m",
        "redis-sentinel://:pw-12345@{0},{1}/m/2",
        "redis-sentinel://:pw-12345@{0},{1}/2?sentinelMasterId=m",
        "redis-sentinel://default:pw-12345@{1}?sentinelServiceName=m",
        "redis://:pw-12345@{0},{1}/2?sentinel_master=m",
    ],
)
def test_sentinels_in_a_url(guard, form):
    """As lettuce, fred, asynq, redis-sentinel-url and Symfony write them."""
    with RespServer(password={"default": "pw-12345"}) as master, RespServer(names(master)) as sentinel:
        url = form.format(f"127.0.0.1:{refused_port()}", sentinel.address)
        for result in ways(guard, url):
            assert result.code == 0, result
            assert "pw-12345" not in result.out + result.err
        selected = [c[1] for c in master.commands if c[0] == "SELECT"]
        assert selected == (["2"] * 6 if "/2" in form else [])
        assert {c[2] for c in sentinel.commands if c[0] == "SENTINEL"} == {"m"}


@pytest.mark.near_miss("env-mismatch", "redis-cluster-down")
@pytest.mark.parametrize(
    "form", ["redis+cluster://{0},{1}", "redis-cluster://{0},{1}/0", "redis+cluster://{1}", "redis://{0},{1}?redis_cluster=1"]
)
def test_nodes_of_a_cluster_in_a_url(guard, form):
    with RespServer(COMPLETE) as s:
        for result in ways(guard, form.format(f"127.0.0.1:{refused_port()}", s.address)):
            assert result.code == 0, result
        assert [c[:2] for c in s.commands if c[0] == "CLUSTER"] == [["CLUSTER", "INFO"]] * 6


def test_sentinels_in_a_url_with_tls_and_a_login_of_their_own(guard, tmp_path):
    authority = Authority(tmp_path)
    context = server_context(authority.issue())
    with RespServer(password="pw-12345", tls=context) as master, RespServer(password="pw-67890", tls=context) as sentinel:
        sentinel._do_sentinel = lambda args, connection: array(["127.0.0.1", str(master.port)])
        keys = {"ca_file": authority.ca_file, "sentinel_password": "env:SPW", "url": "env:U"}
        env = {"SPW": "pw-67890", "U": f"rediss+sentinel://:pw-12345@{sentinel.address}/m"}
        guard.try_("redis", _env=env, **keys).passed()
        env["U"] = f"rediss://:pw-12345@{master.address}"
        guard.try_("redis", _env=env, **keys).expect("env-mismatch", exit=69, cause="names no sentinels")


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize(
    "url, words",
    [
        (
            "redis://a:6379,b:6379/0",
            "write redis+cluster:// (the key seeds) for nodes of a cluster, redis+sentinel:// (the keys",
        ),
        (
            "redis+sentinel://a,b",
            "names no master: write redis+sentinel://host:26379/NAME, or the keys sentinels and master_name",
        ),
        ("redis-sentinel://a:26379/0", "names no master"),
        ("redis+cluster://a:x,b", "neither host nor host:port in its list"),
    ],
)
def test_what_a_url_of_several_hosts_lacks(guard, url, words):
    """Each way tells the same; a bad port, an unknown scheme, was said."""
    for result in ways(guard, url):
        assert result.code in (64, 69, 78) and words in result.err + str(result.report), result


# ---- clusters ----


@pytest.mark.near_miss("connect-refused", "redis-cluster-down", "redis-no-cluster", "answer-timeout")
@pytest.mark.parametrize("first", ["refused", "silent", "black hole", "down", "single", "loading"])
def test_seeds(guard, first):
    scripts = {
        "down": {"CLUSTER INFO": bulk("cluster_state:fail\r\ncluster_slots_ok:10\r\n")},
        "single": {"CLUSTER INFO": error("ERR This instance has cluster support disabled")},
        "loading": {"PING": error("LOADING Redis is loading the dataset in memory")},
    }
    with contextlib.ExitStack() as stack:
        if first == "refused":
            address = f"127.0.0.1:{refused_port()}"
        else:
            server = (
                RespServer(scripts[first]) if first in scripts else TcpServer(silent) if first == "silent" else full_backlog()
            )
            address = stack.enter_context(server).address
        right = stack.enter_context(RespServer(COMPLETE))
        guard.try_("redis", seeds=[address, right.address], attempt_timeout=guard.span(4)).passed()


@pytest.mark.produces("redis-cluster-down")
def test_seeds_of_a_cluster_that_is_down(guard):
    with RespServer({"CLUSTER INFO": bulk("cluster_state:fail\r\ncluster_slots_ok:10\r\n")}) as s:
        guard.try_("redis", seeds=[f"127.0.0.1:{refused_port()}", s.address]).expect("redis-cluster-down", exit=124)


def moved(server, how="MOVED"):
    return error(f"{how} 3999 127.0.0.1:{server.port}")


@pytest.mark.near_miss("redis-cluster-down", "redis-key")
def test_moved_is_followed(guard):
    stored = {}

    def keep(args):
        stored[args[1]] = args[2]
        return simple("OK")

    script = {"TYPE": simple("string"), "SET": keep, "GET": lambda args: bulk(stored.get(args[1])), "DEL": b":1\r\n"}
    with RespServer(script, password="pw-12345") as there, RespServer(password="pw-12345") as here:
        here._do_type = here._do_set = here._do_get = here._do_del = lambda args, connection: moved(there)
        guard.try_(
            "redis", url=here.url, keys='["a", "b"]', write_probe="sg:", password="env:PW", _env={"PW": "pw-12345"}
        ).passed()
        assert len([c for c in there.commands if c[0] == "AUTH"]) == 1  # one connection for all
        assert stored


def test_ask_is_followed_for_one_command(guard):
    with RespServer({"TYPE": simple("string"), "ASKING": simple("OK")}) as there, RespServer() as here:
        here.script["TYPE"] = [moved(there, "ASK"), simple("string")]
        guard.try_("redis", url=here.url, keys='["a", "b"]').passed()
        assert [c[0] for c in there.commands] == ["ASKING", "TYPE"]
        assert here.commands[-1] == ["TYPE", "b"]


@pytest.mark.produces("redis-cluster-down", "connect-refused")
def test_moved_to_nowhere(guard):
    with RespServer() as s:
        s.script["TYPE"] = moved(s)
        guard.try_("redis", url=s.url, keys='["a"]').expect("redis-cluster-down", exit=124, cause="MOVED")
        s.script["TYPE"] = error(f"MOVED 3999 127.0.0.1:{refused_port()}")
        guard.try_("redis", url=s.url, keys='["a"]').expect("connect-refused", exit=124, hint="cluster-announce")
        s.script["TYPE"] = error("MOVED 3999")
        guard.try_("redis", url=s.url, keys='["a"]').expect("redis-cluster-down", exit=124)


@pytest.mark.parametrize("host", ["", "?"])
def test_moved_without_a_host(guard, host):
    """The host that was asked is meant (cluster-preferred-endpoint-type unknown-endpoint)."""
    with RespServer({"TYPE": simple("string")}) as there, RespServer() as here:
        here.script["TYPE"] = error(f"MOVED 3999 {host}:{there.port}")
        guard.try_("redis", url=here.url, keys='["a"]').passed()


@pytest.mark.near_miss("redis-cluster-down", "redis-error")
def test_real_cluster(guard):
    """Two nodes; the keys are on both."""
    options = {"cluster_enabled": "yes", "cluster_require_full_coverage": "no"}
    with RedisServer(**options) as one, RedisServer(**options) as two:
        one.ask("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        two.ask("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        one.ask("CLUSTER", "MEET", "127.0.0.1", two.port)
        seeds = [f"127.0.0.1:{refused_port()}", f"127.0.0.1:{one.port}"]
        common.wait_for(
            lambda: all("cluster_state:ok" in n.ask("CLUSTER", "INFO") for n in (one, two)), what="the cluster complete"
        )
        guard.try_("redis", seeds=seeds).passed()
        two.ask("SET", "foo", 1)  # slot 12182
        one.ask("SET", "bar", 1)  # slot 5061
        guard.try_("redis", seeds=seeds, keys='["foo", "bar"]', write_probe="sg:", can=["GET foo", "GET bar"]).passed()
        guard.try_("redis", url=one.url, keys='["foo", "bar"]', cluster=True).passed()
        guard.try_("redis", url=one.url, keys='["nokey"]').expect("redis-key")
