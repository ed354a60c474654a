"""What a request may hold, as data, and a check that says what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "whole", "number", "flag", "choice", "any"]
Wrong = Literal[
    "missing", "unknown", "type", "choice", "too_small", "too_large", "too_long", "too_short"
]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One member of a request.

    Attributes:
        choices: permitted values; their JSON type counts as well.
        least, most: bounds of a number, or of a text's length.
        utf16: length counted in UTF-16 code units instead of characters.
    """

    kind: Kind
    required: bool = False
    choices: tuple[object, ...] = ()
    least: float | None = None
    most: float | None = None
    utf16: bool = False


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one member."""

    name: str
    wrong: Wrong
    message: str
    context: dict[str, Any] = field(default_factory=dict[str, Any])


Rules = Mapping[str, FieldRule]


def text(*, required: bool = False, least: int | None = None, most: int | None = None) -> FieldRule:
    """Return the rule of a text."""
    return FieldRule("text", required, (), least, most)


def units(most: int, *, required: bool = False, least: int | None = None) -> FieldRule:
    """Return the rule of a text measured in UTF-16 code units."""
    return FieldRule("text", required, (), least, most, utf16=True)


def whole(
    least: int | None = None, most: int | None = None, *, required: bool = False
) -> FieldRule:
    """Return the rule of a whole number."""
    return FieldRule("whole", required, (), least, most)


def number(least: float | None = None, most: float | None = None) -> FieldRule:
    """Return the rule of a number."""
    return FieldRule("number", False, (), least, most)


def flag() -> FieldRule:
    """Return the rule of true or false."""
    return FieldRule("flag")


def choice(*choices: object, required: bool = False) -> FieldRule:
    """Return the rule of a value from a list."""
    return FieldRule("choice", required, choices)


def anything(*, required: bool = False) -> FieldRule:
    """Return the rule of a member that the sandbox does not look into."""
    return FieldRule("any", required)


def problems(rules: Rules, body: Mapping[str, Any], *, unknown: bool) -> list[FieldProblem]:
    """Return everything that is wrong with a request.

    Args:
        unknown: True reports members that are not in the rules.
    """
    found: list[FieldProblem] = []
    for name, rule in rules.items():
        value = body.get(name)
        if value is None:
            if rule.required:
                found.append(FieldProblem(name, "missing", "Field required"))
            continue
        problem = _problem(name, rule, value)
        if problem is not None:
            found.append(problem)
    if unknown:
        found += [
            FieldProblem(name, "unknown", f"Unrecognized key: {name}")
            for name in body
            if name not in rules
        ]
    return found


def _problem(name: str, rule: FieldRule, value: Any) -> FieldProblem | None:
    problem: FieldProblem | None = None
    match rule.kind:
        case "any":
            pass
        case "flag":
            if not isinstance(value, bool):
                problem = _wrong_type(name, "boolean", value)
        case "choice":
            # 1 == True and 5 == 5.0 in Python, not in JSON.
            if not any(type(value) is type(c) and value == c for c in rule.choices):
                shown = ", ".join(repr(c) for c in rule.choices)
                expected = {"expected": list(rule.choices)}
                problem = FieldProblem(name, "choice", f"Input should be {shown}", expected)
        case "text":
            problem = _text_problem(name, rule, value)
        case "whole" | "number":
            problem = _number_problem(name, rule, value)
    return problem


def _text_problem(name: str, rule: FieldRule, value: Any) -> FieldProblem | None:
    if not isinstance(value, str):
        return _wrong_type(name, "string", value)
    size = len(value.encode("utf-16-le")) // 2 if rule.utf16 else len(value)
    return _outside(name, rule, size, ("too_short", "too_long"))


def _number_problem(name: str, rule: FieldRule, value: Any) -> FieldProblem | None:
    good = int if rule.kind == "whole" else (int, float)
    if isinstance(value, bool) or not isinstance(value, good):
        return _wrong_type(name, "integer" if rule.kind == "whole" else "number", value)
    return _outside(name, rule, value, ("too_small", "too_large"))


def _wrong_type(name: str, expected: str, value: Any) -> FieldProblem:
    context = {"expected": expected, "received": type(value).__name__}
    return FieldProblem(name, "type", f"Input should be a valid {expected}", context)


def _outside(
    name: str, rule: FieldRule, size: float, words: tuple[Wrong, Wrong]
) -> FieldProblem | None:
    if rule.least is not None and size < rule.least:
        return FieldProblem(name, words[0], f"At least {rule.least:g}", {"ge": rule.least})
    if rule.most is not None and size > rule.most:
        return FieldProblem(name, words[1], f"At most {rule.most:g}", {"le": rule.most})
    return None
