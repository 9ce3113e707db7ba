"""A fleet of pods that wait for the same dependency: how many attempts meet it at once.

The pauses between attempts are those of a few programs that really waited, seen as packets; the fleet is drawn from them.
"""

import random
import socket
import struct
import threading
import time

from measure import number

PODS, SECONDS, SKIP_SECONDS = 1000, 10, 2


class Attempts:
    """Sees every TCP connection that is begun on the loopback; at(port): the instants for one port, s. Needs a packet socket."""

    def __enter__(self):
        self._seen = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def _read(self):
        while not self._stop.is_set():
            try:
                packet, address = self._socket.recvfrom(64)
            except TimeoutError:
                continue
            at = time.monotonic()
            head = (packet[0] & 15) * 4
            # TCP, SYN without ACK; a loopback packet is seen going out and coming in: only the latter counts.
            if packet[9] == 6 and packet[head + 13] & 0x12 == 2 and address[2] != socket.PACKET_OUTGOING:
                self._seen.append((struct.unpack_from("!H", packet, head + 2)[0], at))

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def at(self, port):
        return [at for seen, at in self._seen if seen == port]


def row(runs):
    """Pods that start in one instant, each with pauses drawn from those of the runs: what meets the dependency from the second
    second on, when the first attempts, which all begin together, are over."""
    pauses = [[b - a for a, b in zip(run, run[1:])] for run in runs if len(run) > 2]
    if not pauses:
        return ["no attempts seen", "", "", ""]
    buckets = {}
    rng = random.Random(1)
    for _ in range(PODS):
        at, step = 0.0, 0
        while at < SECONDS:
            if at >= SKIP_SECONDS:
                buckets[int(at * 100)] = buckets.get(int(at * 100), 0) + 1
            at += rng.choice([run[min(step, len(run) - 1)] for run in pauses])
            step += 1
    rate = sum(buckets.values()) / (SECONDS - SKIP_SECONDS)
    peak = max(buckets.values())
    return [f"{rate:,.0f}", peak, number(rate / 100), number(peak / (rate / 100))]
