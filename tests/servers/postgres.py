"""A real PostgreSQL server of its own folder, its standby, and a pgbouncer in front of it.

Needs the packages postgresql and pgbouncer (packaging/deps test); never touches the system's own cluster. PostgreSQL refuses to
run as root: root becomes nobody.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from . import common

PASSWORD = "pw-db-of-tests-12345"
HBA = """
local all,replication all trust
hostssl all tls_only all scram-sha-256
hostssl all with_cert all cert
host all app,reader,full,nologin all scram-sha-256
"""
SETUP = f"""
set password_encryption = 'scram-sha-256';
create role app login password '{PASSWORD}';
create role reader login password '{PASSWORD}';
create role full login password '{PASSWORD}' connection limit 0;
create role nologin password '{PASSWORD}';
create role tls_only login password '{PASSWORD}';
create role with_cert login password '{PASSWORD}';
create role stranger login password '{PASSWORD}';
create database service owner app;
"""


def program(name):
    """The newest on this machine: Debian keeps them in a folder for each version."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(found[-1]) if found else common.find_program(name, package="test")


def unprivileged(*words):
    drop = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig", "KILL"]
    return [common.find_program("setpriv", package="test"), *drop, *words] if os.geteuid() == 0 else list(words)


def own(*paths):
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, "nobody", "nogroup")


class PostgresServer(common.Server):
    """.port .address .sockets; tls: a Cert and the CA file of its clients; settings: of postgresql.conf."""

    name = "postgres"

    def __init__(self, *, tls=None, client_ca=None, **settings):
        super().__init__()
        self.tls, self.client_ca = tls, client_ca
        self.settings = settings

    def run(self, *words):
        done = subprocess.run(unprivileged(*map(str, words)), cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise common.StartError(f"{words[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def prepare(self):
        self.port = common.reserve_port()
        self.address = f"127.0.0.1:{self.port}"
        self.sockets = self.folder
        self.data = self.folder / "data"
        self.folder.chmod(0o755)
        own(self.folder)
        self.make_data()

    def make_data(self):
        self.run(program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        (self.data / "pg_hba.conf").write_text(HBA)
        if self.tls:
            for path, name in [(self.tls.cert_file, "s.crt"), (self.tls.key_file, "s.key"), (self.client_ca, "ca.crt")]:
                shutil.copy(path, self.data / name)
                (self.data / name).chmod(0o600)
                own(self.data / name)
            self.settings.update(ssl="on", ssl_cert_file="s.crt", ssl_key_file="s.key", ssl_ca_file="ca.crt")

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.sockets,
            "fsync": "off",
            "max_connections": 20,
            "shared_buffers": "4MB",
            **self.settings,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return unprivileged(program("postgres"), "-D", self.data, *words)

    def sql(self, text, database="postgres", user="postgres"):
        words = [
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            self.sockets,
            "-p",
            self.port,
            "-U",
            user,
            "-d",
            database,
        ]
        return self.run(program("psql"), *words, "-c", text).strip()

    def is_ready(self):
        with contextlib.suppress(common.StartError):
            return self.sql("select 1") == "1"
        return False

    def start(self):
        super().start()
        self.set_up()
        return self

    def set_up(self):
        """The roles and the database that every server has; for who starts several side by side."""
        for statement in filter(None, map(str.strip, SETUP.split(";"))):
            self.sql(statement)

    def halt(self, sig=signal.SIGINT):
        """SIGTERM would wait for the clients."""
        super().halt(sig)


class Standby(PostgresServer):
    """A replica of another server; hot=False: one that takes no connection while it recovers, which is for ever."""

    def __init__(self, primary, hot=True):
        super().__init__(hot_standby="on" if hot else "off")
        self.primary, self.hot = primary, hot

    def make_data(self):
        words = ["-h", self.primary.sockets, "-p", self.primary.port, "-U", "postgres", "-D", self.data]
        self.run(program("pg_basebackup"), *words, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self.data.chmod(0o700)

    def is_ready(self):
        return super().is_ready() if self.hot else "consistent recovery state reached" in self.log_tail()

    def start(self):
        return common.Server.start(self)


class Pgbouncer(common.Server):
    """A pooler in transaction mode, with the user app."""

    name = "pgbouncer"

    def __init__(self, server):
        super().__init__()
        self.server = server

    def prepare(self):
        self.port = common.reserve_port()
        self.address = f"127.0.0.1:{self.port}"
        self.folder.chmod(0o755)
        users, ini = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text(f'"app" "{PASSWORD}"\n')
        ini.write_text(
            f"[databases]\nservice = host=127.0.0.1 port={self.server.port} dbname=service\n"
            f"behind = host=127.0.0.1 port={self.server.port} dbname=gone\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\nadmin_users = app\n"
        )
        own(self.folder, users, ini)

    def command(self):
        return unprivileged(
            common.find_program("pgbouncer", "/usr/sbin/pgbouncer", package="test"), self.folder / "pgbouncer.ini"
        )

    def is_ready(self):
        return common.accepts(self.port)
