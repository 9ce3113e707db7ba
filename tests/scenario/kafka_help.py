"""What the scenarios of the kafka kind share."""

import re

import pytest

from fakes.kafka import FakeKafka
from harness import settings

ORDERS = [{"name": "orders"}]
SECRET = "marker-password-7391"


@pytest.fixture
def kafka():
    """One broker, and what most scenarios need of it: topics of one partition."""
    with FakeKafka(topics={"orders": (1, 1), "canary": (1, 1)}) as fake:
        yield fake


def login(mechanism="PLAIN", user="alice", protocol="SASL_PLAINTEXT"):
    return [
        f"security.protocol={protocol}",
        f"sasl.mechanism={mechanism}",
        f"sasl.username={user}",
        "sasl.password=env:KAFKA_PASSWORD",
    ]


def run_short(guard, _limit=1.2, **keys):
    """For peers that never answer: the attempt has a short limit. A check has a tenth of it to say why before it is killed, and
    a fifth to look why: too little for a loaded machine when it is much shorter."""
    return guard.check(profile(attempt_timeout=guard.span(_limit), **keys))


def run_far(guard, **keys):
    """The same for what is silent only after several questions were answered, which takes its time on a loaded machine."""
    return run_short(guard, 3, **keys)


class AskedAgain:
    """For FakeKafka.mute: the first requests of a kind are answered, `answered` of them, what repeats them is not. .seen: how many came."""

    def __init__(self, api, answered=1):
        self.api, self.answered, self.seen = api, answered, 0

    def __call__(self, request):
        self.seen += request.api == self.api
        return request.api == self.api and self.seen > self.answered


def profile(**keys):
    return f'startguard = 1; service = "orders"; kafka: {{ try: {{ {settings(**keys)} }}; }};'


def try_kafka(guard, servers, **keys):
    keys.setdefault("_env", {"KAFKA_PASSWORD": SECRET})
    return guard.try_("kafka", bootstrap_servers=servers, **keys)


def tls(ca, *more):
    return ["security.protocol=SSL", f"ssl.ca.location={ca.ca_file}", *more]


def linked_before(guard, major, minor, patch):
    found = re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", guard.cli("version").out)
    return tuple(map(int, found.groups())) < (major, minor, patch)


def lists_operations(guard):
    """Whether the linked library can ask which operations the principal is authorized to."""
    return not linked_before(guard, 2, 3, 0)


def expect_rights(guard, result, code=None, id=None, **words):
    """What a library that can ask for operations finds: this code, or a pass. An older library says that it cannot ask."""
    if not lists_operations(guard):
        return result.expect(
            "kafka-library-old",
            exit=69,
            phase="config",
            subject="librdkafka",
            cause="operations and groups need 2.3.0 or newer",
            hint="released files link 2.6.1 or newer",
            id=id,
        )
    return result.expect(code, id=id, **words) if code else result.passed(id)
