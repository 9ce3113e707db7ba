"""Starts real servers by hand: python tests/servers/run.py [kafka] [registry] [opa] [redis] [metrics]

Prints one NAME=VALUE line per address, then "ready" on stderr, and stops everything on SIGINT or
SIGTERM. Fit for a shell: python tests/servers/run.py redis > addresses &
"""

import contextlib
import signal
import sys
from pathlib import Path

# Not as a script of this folder: its modules bear the names of well-known packages.
_here = str(Path(__file__).resolve().parent)
sys.path[:] = [str(Path(_here).parent)] + [path for path in sys.path if path != _here]

from servers import common  # noqa: E402
from servers.kafka import KafkaServer  # noqa: E402
from servers.metrics import MetricsServer  # noqa: E402
from servers.opa import OpaServer  # noqa: E402
from servers.redis import RedisServer  # noqa: E402
from servers.registry import RegistryServer  # noqa: E402

SERVERS = {
    "kafka": KafkaServer,
    "registry": RegistryServer,
    "opa": OpaServer,
    "redis": lambda: RedisServer(tls=True),
    "metrics": MetricsServer,
}


def main(names):
    unknown = [name for name in names if name not in SERVERS]
    if unknown or not names:
        print(f"usage: run.py {' '.join(f'[{name}]' for name in SERVERS)}", file=sys.stderr)
        return 2
    # Blocked before any thread or server starts, so that one that comes early is not lost.
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with contextlib.ExitStack() as stack:
        servers = []
        for name in names:
            server = SERVERS[name]()
            stack.callback(server.stop)
            server.launch()
            servers.append(server)
        for server in servers:
            for key, value in server.wait_ready().addresses().items():
                print(f"{key}={value}", flush=True)
        print("ready", file=sys.stderr, flush=True)
        signal.sigwait(signals)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except common.StartError as error:
        print(f"run.py: {error}", file=sys.stderr)
        sys.exit(1)
