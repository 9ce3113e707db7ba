"""postgres: real PostgreSQL in every state that a check tells apart; other peers by a script."""

import contextlib
import pathlib
import struct
import subprocess

import pytest

from fakes.certs import Authority
from fakes.tcp import TcpServer, answer, banner, close_at_once, peer_stays, refused_port, silent
from harness import settings
from servers.common import wait_for
from servers.postgres import PASSWORD, Pgbouncer, PostgresServer, Standby

TABLES = """
create table outbox (id bigserial primary key); create schema audit; create table audit."Log" (id int);
create table alembic_version (version_num text); insert into alembic_version values ('b2');
create table django_migrations (app text, name text);
insert into django_migrations values ('orders', '0001_initial'), ('orders', '0002_more'), ('other', '0009_x');
create table flyway_schema_history (version text, type text, success bool);
insert into flyway_schema_history values ('2', 'BASELINE', true), ('2.1', 'SQL', true), (null, 'SQL', true), ('3', 'SQL', false);
grant select on outbox to reader;
create view slow as select 'b2' as version_num from pg_sleep(60)
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(authority):
    with PostgresServer(tls=authority.issue(), client_ca=authority.ca_file, wal_level="replica") as one:
        one.sql("create extension pg_trgm", "service")
        for statement in TABLES.split(";"):
            one.sql(statement, "service", "app")
        yield one


@pytest.fixture(scope="module")
def standby(server):
    with Standby(server) as one:
        yield one


@pytest.fixture(scope="module")
def pooler(server):
    with Pgbouncer(server) as one:
        yield one


def url(server, user="app", password=PASSWORD, database="service", host="127.0.0.1", query=""):
    return f"postgresql://{user}:{password}@{host}:{server.port}/{database}{query}"


@pytest.fixture
def ask(guard, server):
    """Asks the real server, with what url() takes and keys of the check."""

    def ask(at=server, env={}, **keys):
        parts = {name: keys.pop(name) for name in ("user", "password", "database", "host", "query_string") if name in keys}
        parts["query"] = parts.pop("query_string", "")
        return guard.try_("postgres", url="env:URL", _env={"URL": url(at, **parts), **env}, **keys)

    return ask


# ---- what passes ----


@pytest.mark.near_miss(
    "postgres-table-missing", "postgres-privilege", "postgres-extension", "postgres-version", "postgres-wrong-role",
    "postgres-query", "postgres-no-database", "postgres-error",
)  # fmt: skip
def test_all_that_can_be_demanded(ask):
    result = ask(
        role="primary",
        min_version="12",
        extensions=("pg_trgm >= 1.0", "plpgsql"),
        tables=("outbox", "public.outbox", 'audit."Log"'),
        privileges=("INSERT, SELECT on outbox", "delete on public.outbox"),
        migration={"head": "b2"},
        query={"sql": "select count(*) from outbox", "equals": 0},
    )
    assert (
        result.passed()["reached"] == ["resolve", "connect", "tls", "auth", "query"]
        or result.passed()["reached"][0] == "connect"
    )


@pytest.mark.near_miss("env-missing", "postgres-setting")
def test_every_way_to_say_where(guard, server, tmp_path):
    pairs = f"host=127.0.0.1 port={server.port} user=app dbname=service"
    service, passwords = tmp_path / "service.conf", tmp_path / "pgpass"
    service.write_text(f"[db]\nhost=127.0.0.1\nport={server.port}\nuser=app\ndbname=service\n")
    passwords.write_text(f"127.0.0.1:*:*:app:{PASSWORD}\n")
    passwords.chmod(0o600)
    plain = f"postgres://127.0.0.1:{server.port}/service"
    login = {"PGHOST": "127.0.0.1", "PGPORT": server.port, "PGUSER": "app", "PGDATABASE": "service"}
    for keys, env in [
        ({"dsn": "env:D"}, {"D": f"{pairs} password={PASSWORD}"}),
        ({"dsn": "env:D"}, {"D": url(server)}),
        ({"dsn": "env:D", "password": "env:PW"}, {"D": pairs, "PW": PASSWORD}),
        ({"dsn": "env:D"}, {"D": "service=db", "PGSERVICEFILE": service, "PGPASSFILE": passwords}),
        ({}, {"PGSERVICE": "db", "PGSERVICEFILE": service, "PGPASSFILE": passwords}),
        ({}, {**login, "PGPASSWORD": PASSWORD}),
        ({"url": f"postgres://127.0.0.1:{server.port}", "username": "app", "database": "service"}, {"PGPASSFILE": passwords}),
        ({"url": f"postgresql:///service?host={server.sockets}&port={server.port}&user=app"}, {}),
        (
            {"url": f"postgresql://127.0.0.1:{refused_port()},127.0.0.1:{server.port}/service?user=app"},
            {"PGPASSFILE": passwords},
        ),
    ]:
        env = {name: str(value) for name, value in env.items()}
        guard.try_("postgres", _env=env, **keys).passed()
    assert guard.run(None, "-w", f"{plain}?user=app", mode=None, env={"PGPASSWORD": PASSWORD}).status == "ready"


def test_a_role_of_several_hosts(guard, server, standby):
    both = f"127.0.0.1:{standby.port},127.0.0.1:{server.port}"
    env = {"URL": f"postgresql://app:{PASSWORD}@{both}/service"}
    for role in ("primary", "replica"):
        assert guard.try_("postgres", url="env:URL", role=role, _env=env).passed()["facts"]["role"] == role
    env["URL"] += "?target_session_attrs=read-write"
    assert guard.try_("postgres", url="env:URL", _env=env).passed()["facts"]["role"] == "primary"


@pytest.mark.near_miss("postgres-pooler")
def test_behind_pgbouncer(ask, pooler):
    ask(pooler, tables="outbox", privileges="INSERT on outbox", migration={"head": "b2"}).passed()


def test_nothing_is_written(ask, server):
    ask(query={"sql": "insert into outbox default values returning id"}).expect("postgres-query", cause="read-only transaction")
    ask(query={"sql": "select 1; drop table outbox"}).expect("postgres-query", cause="multiple commands")
    assert server.sql("select count(*) from outbox", "service") == "0"


def test_what_the_server_sees(ask):
    sql = "select current_setting('application_name') || current_setting('transaction_read_only')"
    ask(query={"sql": sql, "equals": "startguardon"}).passed()


# ---- who are you ----


@pytest.mark.produces("auth-failed")
@pytest.mark.near_miss("postgres-hba")
@pytest.mark.parametrize("who", [{"password": "pw-db-of-tests-54321"}, {"user": "nologin"}], ids=["password", "role"])
def test_a_refused_login(ask, who):
    result = ask(**who)
    result.expect("auth-failed", exit=69)
    assert PASSWORD not in str(result) and "pw-db-of-tests-54321" not in str(result)


@pytest.mark.produces("auth-required")
@pytest.mark.near_miss("auth-failed")
def test_no_password(guard, server):
    guard.try_("postgres", url=f"postgres://{server.address}/service", username="app").expect("auth-required", exit=69)


@pytest.mark.produces("postgres-no-database")
def test_no_database(ask):
    ask(database="gone").expect("postgres-no-database", exit=69, hint="grace")


def test_a_database_that_a_job_creates_is_waited_for(guard, server):
    keys = {"url": "env:URL", "grace": guard.span(30), "attempt_timeout": guard.span(5)}
    profile = f"startguard = 1; postgres: {{ x: {{ {settings(**keys)} }}; }};"
    with guard.spawn(profile, mode="dev", env={"URL": url(server, database="later")}) as process:
        server.sql("select pg_sleep(1)")
        server.sql("create database later")
        process.result().passed()


@pytest.mark.produces("postgres-hba")
@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_no_entry_of_pg_hba(ask, mode):
    ask(user="stranger", sslmode=mode).expect("postgres-hba", exit=69, cause="no pg_hba.conf entry")


@pytest.mark.produces("postgres-max-connections")
def test_no_connection_left(ask):
    ask(user="full").expect("postgres-max-connections", exit=124, cause="too many connections")


@pytest.mark.near_miss("postgres-starting")
@pytest.mark.produces("postgres-max-connections")
def test_no_connection_left_on_the_server(guard):
    with PostgresServer(max_connections=6, superuser_reserved_connections=3) as server:
        words = ["psql", "-h", str(server.sockets), "-p", str(server.port), "-U", "app", "-d", "service", "-c"]
        with contextlib.ExitStack() as stack:
            count = "select count(*) from pg_stat_activity where usename = 'app' and state = 'active'"

            def three_clients():  # one is refused while a connection of the fixture still holds its slot
                if server.sql(count) == "3":
                    return True
                holder = stack.enter_context(subprocess.Popen([*words, "select pg_sleep(60)"]))
                stack.callback(holder.wait)
                stack.callback(holder.kill)
                return False

            wait_for(three_clients, what="three clients", seconds=20)
            result = guard.try_("postgres", url="env:URL", _env={"URL": url(server)})
            result.expect("postgres-max-connections", exit=124)


# ---- TLS ----


@pytest.mark.produces("tls-required")
def test_a_server_that_demands_tls(ask):
    ask(user="tls_only", sslmode="disable").expect("tls-required", exit=69, cause="no encryption", hint="sslmode")


@pytest.mark.near_miss("tls-required", "tls-unknown-ca", "tls-self-signed", "tls-wrong-name", "tls-peer-is-plaintext")
def test_tls(ask, authority):
    for keys in ({"sslmode": "require"}, {}, {"ca_file": authority.ca_file}, {"query_string": "?sslmode=allow"}):
        assert "tls" in ask(user="tls_only", **keys).passed()["reached"]
    cert = authority.issue(cn="with_cert", client=True)
    pathlib.Path(cert.key_file).chmod(0o600)
    ask(user="with_cert", ca_file=authority.ca_file, cert_file=cert.cert_file, key_file=cert.key_file).passed()


@pytest.mark.produces("tls-client-cert-required")
def test_a_client_certificate_that_is_missing(ask, authority):
    ask(user="with_cert", ca_file=authority.ca_file).expect("tls-client-cert-required", exit=69)


@pytest.mark.produces("tls-unknown-ca")
def test_another_ca(ask, tmp_path):
    ask(ca_file=Authority(tmp_path).ca_file).expect("tls-unknown-ca", exit=69)


@pytest.mark.produces("tls-wrong-name")
def test_another_name(guard, authority):
    with PostgresServer(tls=authority.wrong_name(), client_ca=authority.ca_file) as server:
        result = guard.try_("postgres", url="env:URL", ca_file=authority.ca_file, _env={"URL": url(server)})
        result.expect("tls-wrong-name", exit=69, cause="ertificate")


@pytest.mark.produces("tls-ca-unreadable")
def test_a_ca_file_that_is_missing(ask, tmp_path):
    ask(ca_file=str(tmp_path / "gone.pem")).expect("tls-ca-unreadable", exit=69)


@pytest.mark.produces("tls-peer-is-plaintext")
def test_a_server_without_tls(guard, standby):
    result = guard.try_("postgres", url="env:URL", sslmode="require", _env={"URL": url(standby)})
    result.expect("tls-peer-is-plaintext", exit=69)


# ---- what it must have ----


@pytest.mark.produces("postgres-wrong-role")
def test_another_role(guard, server, standby):
    for at, role in ((server, "replica"), (standby, "primary")):
        result = guard.try_("postgres", url="env:URL", role=role, _env={"URL": url(at)})
        result.expect("postgres-wrong-role", exit=124, cause=f"demanded is a {role}")


@pytest.mark.produces("postgres-version")
def test_an_old_server(ask):
    ask(min_version="99").expect("postgres-version", exit=69, cause="demanded is 99")


@pytest.mark.produces("postgres-extension")
@pytest.mark.parametrize("wanted, cause", [("vector", "not installed"), ("pg_trgm >= 99", "demanded is 99")])
def test_extensions(ask, wanted, cause):
    ask(extensions=wanted).expect("postgres-extension", exit=124, cause=cause)


@pytest.mark.produces("postgres-table-missing")
@pytest.mark.parametrize(
    "keys",
    [{"tables": "gone"}, {"tables": "nowhere.outbox"}, {"tables": "audit.Log"}, {"privileges": "SELECT on gone"}],
    ids=str,
)
def test_tables_that_are_missing(ask, keys):
    result = ask(**keys).expect("postgres-table-missing", exit=124, cause="search_path is")
    assert ("small letters" in result["cause"]) == (keys.get("tables") == "audit.Log")


@pytest.mark.produces("postgres-privilege")
@pytest.mark.near_miss("postgres-table-missing")
def test_privileges_that_are_missing(ask):
    ask(user="reader", privileges=("SELECT on outbox", "SELECT, INSERT on outbox")).expect(
        "postgres-privilege", exit=69, cause="user reader has no privilege INSERT"
    )
    ask(user="reader", query={"sql": "select * from alembic_version"}).expect("postgres-privilege", exit=69)


@pytest.mark.near_miss("postgres-statement-timeout")
def test_one_start_shows_all(ask):
    result = ask(
        user="reader",
        min_version="99",
        extensions=("pg_trgm", "vector"),
        tables=("gone", "outbox", "lost"),
        privileges=("SELECT, INSERT, delete on outbox", "SELECT on gone"),
        migration={"head": "b2"},  # whose table reader may not read: the statement fails
        query={"sql": "select 8", "equals": 7},
    )
    cause = result.expect("postgres-version", exit=69)["cause"]
    for one in (
        "; extension vector too: postgres-extension (it is not installed in database service)",
        "; table gone too: postgres-table-missing (database service does not have it",
        "; table lost too: postgres-table-missing",
        "; table outbox too: postgres-privilege (user reader has no privilege INSERT, delete on it)",
        "; public.alembic_version too: postgres-privilege (permission denied",
        '; query too: postgres-query (it gives "8", not "7")',
    ):
        assert cause.count(one) == 1, (one, cause)
    assert cause.count("table gone") == 1 and "more" not in cause


@pytest.mark.near_miss("postgres-privilege")
def test_nothing_is_asked_after_a_slow_statement(ask, guard):
    """Each statement would take as long again."""
    result = ask(
        tables=("gone", "a b"),  # the second is no name: the statement fails, and the next one is asked
        migration={"table": "slow", "head": "b2"},
        query={"sql": "select 8", "equals": 7},
        attempt_timeout=guard.span(2),
    )
    cause = result.expect("postgres-table-missing", exit=124)["cause"]
    assert "postgres-statement-timeout" in cause and "postgres-query" not in cause


@pytest.mark.produces("postgres-query")
@pytest.mark.parametrize(
    "comparison, cause",
    [
        ({"equals": "7"}, 'gives "8", not "7"'),
        ({"one_of": ("7", "9")}, "one_of"),
        ({"min": 9}, "at least 9"),
        ({"max": 7.5}, "at most 7.5"),
        ({"sql": "select 1 where false"}, "no row"),
        ({"sql": "select null"}, "NULL"),
        ({"sql": "select 'x'", "min": 1}, "no number"),
        ({"sql": "selec 1"}, "syntax error"),
    ],
    ids=str,
)
def test_values(ask, comparison, cause):
    ask(query={"sql": "select 8", **comparison}).expect("postgres-query", exit=124, cause=cause)


@pytest.mark.near_miss("postgres-query", "postgres-statement-timeout")
@pytest.mark.parametrize("comparison", [{"equals": 8}, {"one_of": (7, 8)}, {"min": 8, "max": 8}, {}], ids=str)
def test_values_that_are_right(ask, comparison):
    ask(query={"sql": "select 8", **comparison}).passed()


@pytest.mark.produces("postgres-statement-timeout")
@pytest.mark.near_miss("answer-timeout")
def test_a_slow_statement(ask, guard):
    result = ask(query={"sql": "select pg_sleep(60)"}, attempt_timeout=guard.span(1))
    result.expect("postgres-statement-timeout", exit=124)


# ---- migrations ----


@pytest.fixture
def folder(tmp_path):
    def folder(**files):
        for name, text in files.items():
            (tmp_path / name.replace("_py", ".py").replace("_sql", ".sql")).write_text(text)
        return str(tmp_path)

    return folder


A1 = 'revision: str = "a1"\ndown_revision = None\n'
B2 = "from x import y\nrevision = 'b2'  # not 'zz'\ndown_revision: Union[str, None] = 'a1'\n"
C3 = "revision = 'c3'\ndown_revision = (\n    'b2',\n    # 'x'\n)\n"


@pytest.mark.near_miss("postgres-migration", "postgres-migration-ahead")
def test_a_migrated_database(ask, folder):
    ask(migration={"heads": folder(a_py=A1, b_py=B2, __init___py="")}).passed()
    ask(migration={"tool": "django", "app": "orders", "heads": folder(**{"0001_initial_py": "", "0002_more_py": ""})}).passed()
    ask(migration={"tool": "django", "app": "orders", "head": "0002_more"}).passed()
    ask(migration={"tool": "flyway", "heads": folder(V1__a_sql="", V2_1__b_sql="", R__c_sql="")}).passed()
    ask(migration={"table": "public.alembic_version", "column": "version_num", "head": "b2"}).passed()


@pytest.mark.produces("postgres-migration")
def test_a_database_that_is_behind(ask, folder):
    ask(migration={"heads": folder(a_py=A1, b_py=B2, c_py=C3)}).expect(
        "postgres-migration", exit=124, cause="c3; the last it records is b2"
    )
    ask(migration={"head": ("b2", "d4")}).expect("postgres-migration", exit=124, cause="d4")
    ask(migration={"tool": "django", "app": "orders", "heads": folder(**{"0003_new_py": ""})}).expect(
        "postgres-migration", cause="0003_new"
    )
    ask(migration={"tool": "flyway", "heads": folder(V3__c_sql="")}).expect("postgres-migration", cause="record 3")


@pytest.mark.produces("postgres-migration-ahead")
@pytest.mark.parametrize(
    "keys, files, newer",
    [
        ({}, {"a_py": A1}, "b2"),
        ({"tool": "django", "app": "orders"}, {"0001_initial_py": ""}, "0002_more"),
        ({"tool": "flyway"}, {"V1__a_sql": "", "V2__b_sql": ""}, "2.1"),
    ],
    ids=["alembic", "django", "flyway"],
)
def test_a_database_that_is_newer(ask, folder, keys, files, newer):
    ask(migration={"heads": folder(**files), **keys}).expect("postgres-migration-ahead", exit=69, cause=f"it records {newer}")


@pytest.mark.produces("file-missing", "file-content")
def test_folders_without_migrations(ask, folder):
    ask(migration={"heads": "/nowhere"}).expect("file-missing")
    ask(migration={"heads": folder(x_py="y = 1")}).expect("file-content", cause="no migration")


# ---- servers that do not serve ----


def says(state, text):
    """A server that answers the login with an error, and is not asked about TLS."""

    def handler(sock):
        while True:
            size, code = struct.unpack(">II", sock.recv(8, 0x100))  # MSG_WAITALL
            if code != 80877103:
                break
            sock.sendall(b"N")
        sock.recv(size - 8)
        fields = (
            b"".join(k + v.encode() + b"\0" for k, v in [(b"S", "FATAL"), (b"V", "FATAL"), (b"C", state), (b"M", text)]) + b"\0"
        )
        sock.sendall(b"E" + struct.pack(">I", 4 + len(fields)) + fields)

    return handler


def meet(guard, handler, **keys):
    with TcpServer(handler) as server:
        return guard.try_("postgres", url=f"postgres://{server.address}/service", username="app", **keys)


@pytest.mark.produces("postgres-starting")
@pytest.mark.near_miss("postgres-no-database")
def test_a_server_that_starts(guard):
    meet(guard, says("57P03", "das Datenbanksystem startet")).expect("postgres-starting", exit=124, cause="startet (57P03)")


@pytest.mark.produces("postgres-starting")
@pytest.mark.near_miss("postgres-wrong-role")
def test_a_server_that_recovers(guard, server):
    with Standby(server, hot=False) as cold:
        guard.try_("postgres", url="env:URL", _env={"URL": url(cold)}).expect("postgres-starting", exit=124)


@pytest.mark.produces("postgres-error")
def test_another_error(guard):
    meet(guard, says("53200", "out of memory")).expect("postgres-error", exit=124, cause="out of memory (53200)")


@pytest.mark.produces("postgres-pooler")
def test_a_pooler_without_its_server(guard, pooler):
    result = guard.try_("postgres", url="env:URL", _env={"URL": url(pooler, database="behind")}, attempt_timeout=guard.span(5))
    assert result.check()["code"] in ("postgres-pooler", "postgres-no-database"), result
    text = "server login has been failing, try again later (server_login_retry)"
    meet(guard, says("08P01", text)).expect("postgres-pooler", exit=124, cause=text)


@pytest.mark.produces("postgres-setting")
@pytest.mark.near_miss("postgres-pooler", "postgres-max-connections")
def test_a_setting_that_the_pooler_refuses(ask, pooler):
    result = ask(pooler, query_string="?options=-c%20search_path%3Daudit")
    result.expect("postgres-setting", exit=69, cause="unsupported startup parameter", hint="ignore_startup_parameters")


@pytest.mark.produces("postgres-no-database")
@pytest.mark.near_miss("postgres-pooler")
def test_a_database_that_the_pooler_lacks(guard, ask, pooler):
    ask(pooler, database="gone").expect("postgres-no-database", exit=69)
    text = 'database "gone" does not exist'  # the server's words, without its SQLSTATE
    meet(guard, says("08P01", text)).expect("postgres-no-database", exit=69, cause=text)


def test_the_console_of_the_pooler(ask, pooler):
    result = ask(pooler, database="pgbouncer")
    result.expect("postgres-no-database", exit=69, cause="console of pgbouncer", hint="[databases]")
    assert "SAVEPOINT" not in str(result)


def test_nothing_listens(guard):
    result = guard.try_("postgres", url=f"postgres://127.0.0.1:{refused_port()}/x")
    result.expect("connect-refused", exit=124)
    guard.try_("postgres", url="postgresql:///x?host=/nowhere").expect("connect-refused", exit=124)


def test_no_such_name(guard):
    guard.try_("postgres", url="postgres://nowhere.invalid/x").expect("dns-no-such-name", exit=124)


@pytest.mark.produces("answer-timeout")
def test_a_frozen_server(guard):
    with PostgresServer() as server:
        server.pause()
        result = guard.try_("postgres", url="env:URL", _env={"URL": url(server)}, attempt_timeout=guard.span(1))
        server.resume()
    result.expect("answer-timeout", exit=124)


def redis(sock):
    """Answers as Redis does, at the end of a line."""
    text = b""
    while chunk := sock.recv(100):
        text += chunk
        if b"\n" in text:
            sock.sendall(b"-ERR unknown command\r\n")


def one_then_more(text):
    """Greets, and its first byte, which is an answer to libpq, comes alone."""

    def handler(sock):
        sock.sendall(text[:1])
        peer_stays(sock, 0.02)
        sock.sendall(text[1:])
        silent(sock)

    return handler


@pytest.mark.produces("protocol-mismatch")
@pytest.mark.near_miss("connect-closed", "answer-timeout", "tls-peer-is-plaintext")
@pytest.mark.parametrize(
    "handler, begins",
    [
        (banner(b"J\0\0\0\x0a8.0.36\0\x0b\0\0\0" + b"x" * 60), "J"),
        (answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "HTTP/1.1 400"),
        (redis, "-ERR"),
        (banner(b"SSH-2.0-OpenSSH\r\n"), "SSH-2.0"),
        (one_then_more(b"SSH-2.0-OpenSSH\r\n"), "SSH-2.0"),
        (one_then_more(b"NOTICE AUTH :*** Looking up your hostname\r\n"), "NOTICE AUTH"),
    ],
    ids=["mysql", "http", "redis", "ssh", "ssh in two pieces", "irc in two pieces"],
)
@pytest.mark.parametrize("mode", ["prefer", "disable", "require"])
def test_peers_that_are_not_postgres(guard, handler, begins, mode):
    result = meet(guard, handler, attempt_timeout=guard.span(2), sslmode=mode)
    result.expect("protocol-mismatch", exit=69, cause=begins)


def overloaded(said):
    """Lets libpq wait, and says `said` to the probe, which comes second and sends more than its request."""

    def handler(sock):
        if len(sock.recv(100)) > 8:
            sock.sendall(said)
        silent(sock)

    return handler


@pytest.mark.near_miss("protocol-mismatch")
@pytest.mark.parametrize(
    "said", [b"N" + b"E\0\0\0\x2fSFATAL\0", b"N", b"S\x15\x03\x01\0\x02", b"E\0\0\0\x20SFATAL\0"], ids=repr
)
def test_an_overloaded_server(guard, said):
    """One that answered too late for libpq is PostgreSQL all the same."""
    meet(guard, overloaded(said), attempt_timeout=guard.span(2)).expect("answer-timeout", exit=124)


@pytest.mark.parametrize(
    "handler, code", [(close_at_once, "connect-closed"), (silent, "answer-timeout")], ids=["closes", "silent"]
)
def test_peers_that_say_nothing(guard, handler, code):
    meet(guard, handler, attempt_timeout=guard.span(2)).expect(code, exit=124)


# ---- the profile ----


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"url": "postgres://h", "dsn": "env:D"}, "exclude each other"),
        ({"url": "mysql://h"}, "is not a scheme for this"),
        ({"url": "postgres://h/?password=x"}, "among its parameters"),
        ({"url": "postgres://h", "privileges": "INSERT"}, "needs a privilege and its table"),
        ({"url": "postgres://h", "privileges": "READ on x"}, "is not a privilege"),
        ({"url": "postgres://h", "extensions": "vector >= new"}, "extensions"),
        ({"url": "postgres://h", "migration": {}}, 'needs heads = "FOLDER" of the migrations, or head = "NAME" of one'),
        ({"url": "postgres://h", "migration": {"tool": "django"}}, 'needs app = "...", and heads = "FOLDER"'),
        ({"url": "postgres://h", "migration": {"head": "a", "heads": "/x"}}, "has head and heads; one of them"),
        ({"url": "postgres://h", "migration": {"head": "a", "tool": "django"}}, "needs the app"),
        ({"url": "postgres://h", "migration": {"head": "a", "app": "b"}}, "only Django"),
        ({"url": "postgres://h", "query": {"sql": "x", "equals": "1", "min": 1}}, "several comparisons"),
    ],
    ids=str,
)
def test_mistakes_of_the_profile(guard, keys, words):
    guard.try_("postgres", _mode="dev", **keys).problem(words, exit=64)


@pytest.mark.produces("env-missing")
def test_nothing_says_where(guard):
    guard.try_("postgres").expect("env-missing", exit=69, cause="PGHOST")


@pytest.mark.produces("env-mismatch", "env-empty")
@pytest.mark.near_miss("postgres-setting")
def test_a_variable_that_is_wrong(guard):
    result = guard.try_("postgres", dsn="env:D", _env={"D": f"postgres://app:{PASSWORD}@h:1/x?nonsense=1"})
    result.expect("env-mismatch", exit=69)
    assert PASSWORD not in str(result)
    guard.try_("postgres", dsn="env:D", _env={"D": ""}).expect("env-empty", exit=69)


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize(
    "text, words",
    [
        (f'"postgres://app:{PASSWORD}@h/x"', "in quotes"),
        (f"postgres://app:{PASSWORD}%zz@h/x", "write %25"),
        (f"postgres://app:{PASSWORD}@h/x?sslmode=require&schema=public", "no parameter schema"),
        (f"postgres://app:{PASSWORD}@h/x?schema=a@b", "key=value pairs"),
        (f"postgresql+asyncpg://app:{PASSWORD}@h/x", "SQLAlchemy"),
        (f"mysql://app:{PASSWORD}@h/x", "its scheme is mysql"),
        (f"jdbc:postgresql://h/x?user=app&password={PASSWORD}", "JDBC"),
        (f"Server=h;User Id=app;Password={PASSWORD};", ".NET"),
        (f"host=h password={PASSWORD} and more", "single quotes"),
    ],
    ids=str,
)
def test_texts_that_libpq_does_not_understand(guard, text, words):
    result = guard.try_("postgres", dsn="env:D", _env={"D": text})
    result.expect("env-mismatch", exit=69, cause=words)
    assert PASSWORD not in str(result)


@pytest.mark.produces("env-mismatch")
@pytest.mark.near_miss("dns-no-such-name")
@pytest.mark.parametrize("word", ["se/cret", "se@cret", "sec@ret/x", "12/cret", "se?cret/x"])
def test_a_password_that_splits_the_url(guard, word):
    """libpq takes a piece of it for the host, which would be looked up and printed."""
    result = guard.try_("postgres", dsn="env:D", _env={"D": f"postgres://app:{word}@db.invalid:5432/shop"})
    result.expect("env-mismatch", exit=69, cause="%2F and %40")
    assert "ret" not in result.check()["cause"] + result.check()["subject"]


@pytest.mark.near_miss("env-mismatch")
@pytest.mark.parametrize("end", ["", "?application_name=a@b/c", "/db@x", "?options=-cwork_mem%3D4MB"])
def test_texts_that_look_like_that_and_are_right(guard, end):
    url = f"postgres://app:a%40b%2Fc@127.0.0.1:{refused_port()}{end}"
    guard.try_("postgres", dsn="env:D", _env={"D": url}).expect("connect-refused", exit=124)


@pytest.mark.produces("postgres-setting")
def test_a_service_that_is_not_defined(guard, tmp_path):
    (tmp_path / "s").write_text("[a]\nhost=b\n")
    env = {"PGSERVICE": "gone", "PGSERVICEFILE": str(tmp_path / "s")}
    guard.try_("postgres", _env=env).expect("postgres-setting", exit=69, cause='"gone" not found')


def test_a_bad_word_of_libpq(ask):
    ask(query_string="?sslmode=perhaps").expect("postgres-setting", exit=69, cause="perhaps")
