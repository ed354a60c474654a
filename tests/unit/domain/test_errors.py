"""Every error is documented by construction: in the tree, by its docstring, under a stable code."""

from __future__ import annotations

import inspect
import re

import pytest

import photoplay.domain.errors
import photoplay.network.errors
import photoplay.storage.errors
from photoplay.domain.errors import (
    ConflictError,
    NotFoundError,
    PhotoplayError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)

MODULES = [photoplay.domain.errors, photoplay.network.errors, photoplay.storage.errors]
LINE = re.compile(
    r"^ *[│├└ ]*[├└] (?P<name>\w+)(?P<star>\*?)(?: +(?P<status>\d{3}))?", re.MULTILINE
)


def errors_of(module) -> dict[str, type[PhotoplayError]]:
    return {
        name: thing
        for name, thing in vars(module).items()
        if inspect.isclass(thing)
        and issubclass(thing, PhotoplayError)
        and thing.__module__ == module.__name__
    }


EVERY = {name: error for module in MODULES for name, error in errors_of(module).items()}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_the_tree_on_top_of_the_file_is_the_tree_of_its_classes(module):
    drawn = {found["name"]: found for found in LINE.finditer(module.__doc__)}
    own = set(errors_of(module)) - {"PhotoplayError"}
    assert own <= set(drawn)
    # What is drawn besides is the branch of another file that the own ones hang from.
    assert set(drawn) - own <= set(vars(photoplay.domain.errors)) | set(vars(module))
    for name in own:
        status = drawn[name]["status"]
        if status:
            # 503 belongs to the answer, not to the class.
            assert int(status) == getattr(EVERY[name], "status", 503), name


@pytest.mark.parametrize("module", MODULES[1:], ids=lambda m: m.__name__)
def test_a_star_in_the_tree_means_retryable(module):
    drawn = {found["name"]: found["star"] for found in LINE.finditer(module.__doc__)}
    for name, error in errors_of(module).items():
        assert error.retryable == bool(drawn[name]), name


@pytest.mark.parametrize("error", EVERY.values(), ids=EVERY)
def test_an_error_has_a_stable_code_and_speaks_its_docstring(error):
    assert re.fullmatch(r"[a-z][a-z0-9_]+", error.code)
    first = (error.__doc__ or "").strip().splitlines()[0]
    assert first.endswith((".", ":", ","))
    if (
        list(inspect.signature(error).parameters)[:1] == ["message"]
        and error is not RateLimitedError
    ):
        assert str(error()) == error().message == first


def test_a_code_belongs_to_one_class():
    codes = [error.code for error in EVERY.values() if "code" in vars(error)]
    assert len(codes) == len(set(codes))


def test_an_error_can_say_more_than_its_class():
    error = ConflictError("It is done.", code="already_finished", details={"status": "failed"})
    assert (str(error), error.code, error.details) == (
        "It is done.",
        "already_finished",
        {"status": "failed"},
    )
    assert ConflictError().code == "conflict"
    assert NotFoundError().details == {}


def test_what_a_caller_can_fix_is_not_tried_again_by_itself():
    fixable = [e for e in EVERY.values() if issubclass(e, RequestError)]
    assert {e for e in fixable if e.retryable} == {RateLimitedError}
    assert UnavailableError.retryable
