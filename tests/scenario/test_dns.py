"""dns, and names in every other kind. startguard runs in a mount namespace whose resolv.conf names a scripted server."""

import pytest

from fakes.dns import DnsServer
from fakes.tcp import TcpServer, silent
from harness import unshare


@pytest.fixture(scope="module")
def dns():
    zone = {
        "one.test": ["10.0.0.1"],
        "two.test": ["10.0.0.1", "10.0.0.2"],
        "six.test": ["fd00::1"],
        "both.test": ["10.0.0.9", "fd00::9"],
        "local.test": ["127.0.0.1"],
        "none.test": "NXDOMAIN",
        "broken.test": "SERVFAIL",
        "refused.test": "REFUSED",
        "silent.test": None,
    }
    with DnsServer(zone) as server:
        yield server


@pytest.mark.near_miss("dns-no-such-name", "dns-no-address", "dns-server-failed", "dns-timeout", "dns-wrong-address")
@pytest.mark.parametrize(
    "keys",
    [
        {"name": "one.test"},
        {"name": "two.test", "min_addresses": 2},
        {"name": "six.test", "type": "AAAA"},
        {"name": "both.test", "type": "A", "min_addresses": 1},
        {"name": "both.test", "includes": ["10.0.0.0/24", "fd00::9"]},
        {"name": "one.test", "includes": ["10.0.0.1"]},
    ],
)
def test_pass(guard, dns, keys):
    guard.try_("dns", _dns=dns, **keys).passed()


@pytest.mark.parametrize(
    "code,keys,words",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in [
            ("dns-no-such-name", {"name": "none.test"}, "not known"),
            ("dns-no-address", {"name": "one.test", "type": "AAAA"}, ""),
            ("dns-no-address", {"name": "two.test", "min_addresses": 3}, "2 addresses"),
            ("dns-server-failed", {"name": "broken.test"}, "failure: SERVFAIL"),
            ("dns-server-failed", {"name": "refused.test"}, "failure: REFUSED"),
            ("dns-wrong-address", {"name": "two.test", "includes": ["192.168.0.0/16"]}, "10.0.0.1"),
            ("dns-wrong-address", {"name": "one.test", "includes": ["10.0.0.2"]}, "10.0.0.1"),
        ]
    ],
)
def test_faults(guard, dns, code, keys, words):
    guard.try_("dns", _dns=dns, attempt_timeout=guard.span(4), _limit=guard.span(4), **keys).expect(
        code, exit=124, phase="resolve", retryable=True, cause=words
    )


SRV = {
    "_kafka._tcp.test": {"SRV": [(9092, "one.test"), (9093, "two.test")]},
    "_gone._tcp.test": {"SRV": [(9092, "one.test"), (9092, "none.test")]},
    "_off._tcp.test": {"SRV": [(0, ".")]},
    "_broken._tcp.test": "SERVFAIL",
    "_silent._tcp.test": None,
    "one.test": ["10.0.0.1"],
    "two.test": ["10.0.0.1", "10.0.0.2"],
}


@pytest.fixture(scope="module")
def srv():
    with DnsServer(SRV) as server:
        yield server


@pytest.mark.near_miss("dns-no-such-name", "dns-no-address", "dns-wrong-address")
def test_srv(guard, srv):
    keys = {"name": "_kafka._tcp.test", "type": "SRV", "min_addresses": 2, "includes": ["10.0.0.0/24", "10.0.0.2"]}
    check = guard.try_("dns", _dns=srv, **keys).passed()
    assert check["facts"]["targets"] == 2


@pytest.mark.parametrize(
    "code, name, keys, words",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in [
            ("dns-no-address", "_kafka._tcp.test", {"min_addresses": 3}, "2 targets (one.test:9092, two.test:9093)"),
            ("dns-wrong-address", "_kafka._tcp.test", {"includes": ["10.9.0.0/16"]}, "one.test:9092"),
            ("dns-no-such-name", "_gone._tcp.test", {}, ""),
            ("dns-no-such-name", "_none._tcp.test", {}, ""),
            ("dns-no-address", "one.test", {}, "no SRV records"),
            ("dns-no-address", "_off._tcp.test", {}, "not offered"),
            ("dns-server-failed", "_broken._tcp.test", {}, ""),
            ("dns-timeout", "_silent._tcp.test", {}, ""),
        ]
    ],
)
def test_srv_faults(guard, srv, code, name, keys, words):
    keys = {"name": name, "type": "SRV", **keys}
    check = guard.try_("dns", _dns=srv, attempt_timeout=guard.span(6), _limit=guard.span(6), **keys)
    check.expect(code, exit=124, phase="resolve", retryable=True, cause=words)


@pytest.mark.produces("dns-no-address")
@pytest.mark.near_miss("dns-no-such-name")
def test_other_family_in_the_hosts_file(guard):
    with DnsServer({"one-four.test": "NXDOMAIN"}, hosts="10.1.2.3 one-four.test\n") as server:
        guard.try_("dns", name="one-four.test", _dns=server, includes=["10.1.2.3"]).passed()
        guard.try_("dns", name="one-four.test", type="AAAA", _dns=server).expect("dns-no-address", exit=124, cause="type AAAA")


@pytest.mark.produces("dns-timeout")
@pytest.mark.near_miss("guard-deadline", "dns-server-failed")
def test_silent_name_server(guard, dns):
    guard.try_("dns", name="silent.test", attempt_timeout=guard.span(2), _dns=dns).expect("dns-timeout", exit=124)
    guard.try_("dns", name="silent.test", attempt_timeout=guard.span(8), _dns=dns, _limit=guard.span(8)).expect(
        "dns-timeout", exit=124
    )


@pytest.mark.produces("dns-timeout")
@pytest.mark.near_miss("dns-server-failed")
@pytest.mark.parametrize("says", [["10.0.0.1"], "NXDOMAIN"], ids=["address", "no-name"])
def test_name_server_that_answers_too_late(guard, says):
    """It answers when it is asked once more: not with a failure."""
    asked = []

    def slow(kind):
        asked.append(kind)
        return None if len(asked) <= 2 else says

    with DnsServer({"slow.test": slow}) as server:
        guard.try_("dns", name="slow.test", _dns=server).expect("dns-timeout", exit=124, cause="in time")


@pytest.mark.produces("dns-server-failed")
@pytest.mark.near_miss("dns-timeout")
def test_failure_for_a_name_of_the_search_list(guard):
    with DnsServer({"x.a.test": "SERVFAIL", "x": "NXDOMAIN"}, search=["a.test"]) as server:
        guard.try_("dns", name="x", _dns=server).expect("dns-server-failed", exit=124)


@pytest.mark.produces("dns-server-failed")
@pytest.mark.near_miss("dns-timeout")
def test_name_server_that_cannot_be_reached(guard):
    """Nobody listens there, and the kernel says so at once: that is not a timeout."""
    server = DnsServer()
    server.host = "127.0.53.250"
    check = guard.try_("dns", name="one.test", _dns=server)
    check = check.expect("dns-server-failed", exit=124, retryable=True, cause="no name server of resolv.conf can be reached")
    assert check["cause"].endswith("Connection refused")


@pytest.mark.produces("dns-server-failed")
@pytest.mark.near_miss("dns-timeout", "dns-no-such-name")
@pytest.mark.parametrize(
    "kind, keys",
    [
        ("tcp", {"address": "one.test:80"}),
        ("http", {"url": "http://one.test/"}),
        ("redis", {"url": "redis://one.test"}),
        ("kafka", {"bootstrap_servers": "one.test:9092"}),
        ("postgres", {"url": "postgres://app@one.test/shop"}),
        ("memcached", {"url": "memcached://one.test"}),
        ("dns", {"name": "_x._tcp.one.test", "type": "SRV"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_name_server_that_cannot_be_reached_in_every_kind(guard, kind, keys):
    server = DnsServer()
    server.host = "127.0.53.250"
    check = guard.try_(kind, **keys, _dns=server)
    check.expect("dns-server-failed", exit=124, cause="no name server of resolv.conf can be reached: Connection refused")


@pytest.mark.produces("dns-server-failed")
@pytest.mark.near_miss("dns-timeout")
def test_no_network_to_a_name_server(guard):
    before = [*unshare("-n"), *guard._resolver(DnsServer())]
    result = guard.check('startguard = 1; dns: { n: { name = "one.test"; }; };', before=before)
    check = result.expect("dns-server-failed", exit=124, retryable=True)
    assert check["cause"] == "no name server of resolv.conf can be reached: Network is unreachable"


@pytest.mark.produces("dns-server-failed")
@pytest.mark.near_miss("dns-timeout")
def test_no_resolv_conf(guard, tmp_path):
    """As in an image without the file; an engine would have made one."""
    etc = tmp_path / "etc"
    etc.mkdir()
    for name in ("hosts", "passwd", "nsswitch.conf"):
        (etc / name).write_text("hosts: files dns\n" if name == "nsswitch.conf" else "")
    before = unshare("--mount", "--net", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh")
    check = guard.check('startguard = 1; service = "s"; dns: { n: { name = "one.test"; }; };', before=before)
    cause = "there is no /etc/resolv.conf, and no name server at 127.0.0.1 can be reached: Network is unreachable"
    assert check.expect("dns-server-failed", exit=124)["cause"] == cause


@pytest.mark.produces("dns-timeout")
@pytest.mark.near_miss("dns-server-failed")
def test_one_silent_name_server_of_two(guard, dns):
    """The other one cannot be reached; whether the silent one works nobody knows yet."""
    with DnsServer({"silent.test": None}) as server:
        good = server.resolv_conf
        two = type("Two", (), {"resolv_conf": "nameserver 127.0.53.250\n" + good, "hosts": None})()
        guard.try_("dns", name="silent.test", _dns=two).expect("dns-timeout", exit=124)


@pytest.mark.produces("dns-no-such-name")
def test_a_name_of_srv_records(guard, dns):
    guard.try_("dns", name="_kafka._tcp.none.test", _dns=dns).expect("dns-no-such-name", hint="SRV records")
    guard.try_("tcp", address="_kafka._tcp.none.test:9092", _dns=dns).expect("dns-no-such-name", hint="SRV records")
    guard.try_("dns", name="_kafka.none.test", _dns=dns).expect("dns-no-such-name", hint="check the name")


def test_names_of_other_kinds(guard, dns):
    with TcpServer(silent) as server:
        guard.try_("tcp", address=f"local.test:{server.port}", _dns=dns).passed()
    guard.try_("tcp", address="none.test:80", _dns=dns).expect("dns-no-such-name")
    guard.try_("http", url="http://none.test/", _dns=dns).expect("dns-no-such-name")
    guard.try_("redis", url="redis://none.test", _dns=dns).expect("dns-no-such-name")


def test_name_appears_later(guard):
    with DnsServer({"late.test": ["NXDOMAIN", "NXDOMAIN"]}) as dns:
        dns.zone["late.test"] = "NXDOMAIN"
        process = guard.spawn('startguard = 1; dns: { n: { name = "late.test"; }; };', dns=dns)
        process.wait_for("WAIT")
        dns.zone["late.test"] = ["10.0.0.1"]
        assert process.result().code == 0


@pytest.mark.parametrize("name", ["http://x", "x:80", "x/y", "a b", "user@x"])
def test_names_that_are_none(guard, name):
    guard.try_("dns", name=name).problem("name", exit=64)


@pytest.mark.parametrize(
    "keys,words",
    [({"includes": ["10.0.0.0/33"]}, "network"), ({"type": "MX"}, "type"), ({"min_addresses": 0}, "min_addresses")],
)
def test_bad_keys(guard, keys, words):
    guard.try_("dns", name="x", **keys).problem(words, exit=64)


@pytest.mark.produces("dns-no-such-name")
def test_a_name_outside_of_ascii(guard, dns):
    """getaddrinfo does not translate it."""
    for keys in ({"name": "bücher.test"}, {"name": "none.test"}):
        check = guard.try_("dns", _dns=dns, **keys).expect("dns-no-such-name", exit=124)
        assert ("xn--" in check["hint"]) == (keys["name"] == "bücher.test")
