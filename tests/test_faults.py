"""A fault without a test is not survived: every number has one that injects it.

A test says so by `@pytest.mark.fault(8, 9)`. Sources are read instead of collected tests, so that it
does not matter which tests a run selects.
"""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent

FAULTS = {
    8: "100 simultaneous creates, one key",
    9: "same key, other body",
    10: "key replay at 23:59 h, 24:01 h and while open",
    11: "N simultaneous creates, k units left: exactly k",
    12: "refund called twice or by several actors at once",
    31: "deadlock, serialization failure, statement time-out",
    32: "user A's scope left on a pooled connection, also after an exception and behind a pooler",
    34: "result address expired, redirecting, slow, cut, of the wrong length or type, endless",
    36: "hostile and unusual pictures",
    37: "Range matrix",
    38: "signed address expired, changed, encoded twice, after erasure, after key rotation",
    39: "1,000 users x every id x every route",
    40: "direct database access; forged claims and tokens",
    41: "server-side request forgery",
    42: "cost attack: bursts and many keys; caps hold",
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
