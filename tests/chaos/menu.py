"""Faults that chaos orders for single jobs, and how such a job may end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.sandbox import CATALOGUE, Fault

SUCCEEDED: Final = "succeeded"
_ANY_OF_TWO: Final = frozenset({SUCCEEDED, "provider_failed"})


@dataclass(frozen=True, slots=True)
class Item:
    """A fault of the menu.

    Attributes:
        faults: armed when the job is asked for. Those of a submission hit that job's first one, the
            others whoever comes next.
        may_end: endings that this fault explains beside those that anything may lead to.
        promise: number in the list of faults that Photoplay survives.
        is_short: over within seconds.
    """

    faults: tuple[Fault, ...]
    may_end: frozenset[str] = frozenset({SUCCEEDED})
    promise: str = ""
    weight: int = 2
    is_short: bool = True

    def armed_for(self, mark: str) -> list[Fault]:
        """Return the faults as they are added to the sandbox for a job with this mark."""
        return [
            fault.model_copy(update={"contains": mark}) if fault.route == "submit" else fault
            for fault in self.faults
        ]


def _known(name: str, *ends: str, promise: str, weight: int = 2, is_short: bool = True) -> Item:
    """Take a fault of the catalogue, once instead of for ever."""
    faults = tuple(f.model_copy(update={"times": max(f.times, 1)}) for f in CATALOGUE[name])
    return Item(faults, frozenset({SUCCEEDED, *ends}), promise, weight, is_short)


def _own(promise: str, *faults: Fault, is_short: bool = True) -> Item:
    return Item(faults, promise=promise, is_short=is_short)


MENU: Final[Mapping[str, Item]] = {
    # The submission arrived, its answer did not; or it never arrived.
    **{
        name: _known(name, promise="1, 3, 4, 7")
        for name in (
            "lost_answer", "closed_after_accepting", "never_answers", "proxy_error_after_accepting",
        )
    },
    **{
        name: _known(name, promise="2", is_short=False)
        for name in ("reset_before_accepting", "closed_before_accepting", "never_accepts")
    },
    "refused_connection": _known("refused_connection", promise="2"),
    "busy": _known("busy", promise="5"),
    "overloaded": _known("overloaded", promise="5"),
    "plain_503": _known("plain_503", promise="5", is_short=False),
    **{
        name: _known(name, promise="6")
        for name in ("html_accepted", "cut_accepted", "accepted_without_id", "garbage_accepted")
    },
    "huge_accepted": _known("huge_accepted", promise="6", weight=1),
    "resolve_500": _own(
        "3",
        Fault(do="reset", when="after"),
        Fault(do="status", route="resolve", status=500, times=2),
    ),
    # What the provider decides.
    "success_despite_cancel": _known("success_despite_cancel", promise="13"),
    **{
        name: _known(name, "content_refused", promise="14", weight=1)
        for name in ("moderated_before", "moderated_during", "moderated_after")
    },
    "withdrawn_404": _known("withdrawn_404", promise="16", weight=1),
    "out_of_credit": _known("out_of_credit", promise="16", weight=1),
    "completed_but_failed": Item(CATALOGUE["completed_but_failed"], _ANY_OF_TWO, "23"),
    "success_without_video": Item(CATALOGUE["success_without_video"], _ANY_OF_TWO, "23"),
    "success_with_empty_address": Item(CATALOGUE["success_with_empty_address"], _ANY_OF_TWO, "23"),
    # Callbacks.
    "many_callbacks": _own("17", Fault(do="duplicate", copies=100)),
    "early_callback": _known("early_callback", promise="18"),
    "callbacks_out_of_order": _known("callbacks_out_of_order", promise="19"),
    "late_callback": _own("19", Fault(do="late", seconds=4)),
    "lost_callback": _known("lost_callback", promise="20", weight=4),
    **{
        name: _known(name, promise="21")
        for name in (
            "forged_callback", "tampered_callback", "stale_callback", "unsigned_callback",
            "callback_of_other_user", "callback_about_other_task", "contradicting_callback",
            "callback_without_payload", "nonsense_callback",
        )
    },
    "replayed_callback": _own("21", Fault(do="replay", seconds=3)),
    "keys_down": _known("keys_down", promise="22"),
    # Polls.
    **{
        name: _own("24", Fault(do=do, route="poll", **more))
        for name, do, more in (
            ("poll_500", "status", {"status": 500, "times": 3}),
            ("poll_404", "status", {"status": 404, "times": 2}),
            ("poll_html", "html", {"times": 2}),
            ("poll_cut", "cut", {"times": 2}),
            ("poll_reset", "reset", {"times": 2}),
            ("poll_hangs", "hang", {}),
        )
    },
    "vanished_for_a_while": _own("24", Fault(do="vanish", seconds=3)),
    "progress_goes_back": _known("progress_goes_back", promise="24"),
    "slow_but_progressing": _own("27", Fault(do="slow", seconds=5)),
    "waits_in_the_queue": _own("27", Fault(do="slow", at="queue", seconds=4)),
    # The picture on its way in, the clip on its way out.
    "upload_reset": _own("3", Fault(do="reset", route="upload")),
    "put_500": _own("3", Fault(do="status", route="put", status=500)),
    **{
        name: _known(name, promise="34")
        for name in (
            "result_cut", "result_wrong_length", "result_without_length", "result_wrong_type",
        )
    },
    "result_500": _own("34", Fault(do="status", route="media", status=500)),
    "result_broken_once": _own("34", Fault(do="corrupt")),
    "result_403": _known("result_403", promise="34", weight=1, is_short=False),
    "result_hangs": _known("result_hangs", promise="34", weight=1, is_short=False),
}  # fmt: skip
