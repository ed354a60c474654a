"""A fault without a test is not survived: every number has one that injects it.

A test says so by `@pytest.mark.fault(8, 9)`. Sources are read instead of collected tests, so that it
does not matter which tests a run selects.
"""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent

FAULTS = {
    1: "killed between the provider's accept and our commit",
    2: "killed after the submitting commit, before the socket write",
    3: "connection reset after the request",
    4: "answer never comes",
    5: "429 and 503 with Retry-After before acceptance",
    6: "2xx that is HTML, huge, cut, or has no id",
    7: "exactly one submission seen by the provider in each of these",
    8: "100 simultaneous creates, one key",
    9: "same key, other body",
    10: "key replay at 23:59 h, 24:01 h and while open",
    11: "N simultaneous creates, k units left: exactly k",
    12: "refund called twice or by several actors at once",
    13: "success after time-out, cancel or refund",
    14: "moderation before, during, after generation",
    15: "failover only after a definite verdict, none while unknown",
    16: "model withdrawn",
    17: "callback duplicated a thousandfold",
    18: "callback before the submission's answer",
    19: "callbacks out of order",
    20: "callback lost altogether",
    21: "callback forged, tampered, stale, replayed, another's",
    22: "key set down, hanging or rotated",
    23: "completed that is a failure, success without a video",
    24: "polls that flap",
    25: "worker killed at every phase boundary",
    26: "worker back after a pause longer than its lease",
    27: "slow but progressing",
    28: "clocks ten minutes apart",
    29: "Postgres restarted under load",
    30: "commit outcome unknown",
    31: "deadlock, serialization failure, statement time-out",
    32: "user A's scope left on a pooled connection, also after an exception and behind a pooler",
    33: "LISTEN connection lost",
    34: "result address expired, redirecting, slow, cut, of the wrong length or type, endless",
    35: "store down, disk full: the paid result is kept trying, with a warning",
    36: "hostile and unusual pictures",
    37: "Range matrix",
    38: "signed address expired, changed, encoded twice, after erasure, after key rotation",
    39: "1,000 users x every id x every route",
    40: "direct database access; forged claims and tokens",
    41: "server-side request forgery",
    42: "cost attack: bursts and many keys; caps hold",
    43: "injection in prompt, file name, metadata, log lines, streams",
    44: "erased during a run, during an upload, with the provider down",
    45: "secrets canary found nowhere",
    46: "dependency with a wrong hash",
}


def marked(source: Path) -> set[int]:
    """Return the numbers in the fault marks of a file."""
    numbers: set[int] = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="fault", value=ast.Attribute(attr="mark"))):
                numbers |= {ast.literal_eval(argument) for argument in node.args}
    return numbers


def test_every_fault_has_a_test_that_injects_it():
    found = {number for file in TESTS.rglob("test_*.py") for number in marked(file)}
    assert found == set(FAULTS), "marks and FAULTS differ"
