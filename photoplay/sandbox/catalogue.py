"""The faults that Photoplay promises to survive, by name, ready to be added to a sandbox.

The number in a name's comment is that of the promise in `docs/sandbox.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from photoplay.sandbox.faults import Fault

CATALOGUE: Final[Mapping[str, tuple[Fault, ...]]] = {
    # 1, 3, 4, 7: the submission arrived, its answer did not.
    "lost_answer": (Fault(do="reset", when="after"),),
    "closed_after_accepting": (Fault(do="close", when="after"),),
    "never_answers": (Fault(do="hang", when="after"),),
    "proxy_error_after_accepting": (Fault(do="html", when="after", status=502),),
    # 2: nothing was created.
    "reset_before_accepting": (Fault(do="reset"),),
    "closed_before_accepting": (Fault(do="close"),),
    "never_accepts": (Fault(do="hang"),),
    "refused_connection": (Fault(do="reset", route="connect"),),
    # 5
    "busy": (Fault(do="error", code="rate_limited", headers={"Retry-After": "2"}),),
    "overloaded": (
        Fault(
            do="error", provider="fal", code="runner_scheduling_failure",
            headers={"Retry-After": "1"},
        ),
        Fault(do="error", provider="runway", code="unavailable", headers={"Retry-After": "1"}),
        Fault(do="error", provider="kling", code="5001", headers={"Retry-After": "1"}),
    ),
    "plain_503": (Fault(do="status", status=503, headers={"Retry-After": "1"}),),
    # 6
    "html_accepted": (Fault(do="html", when="after"),),
    "huge_accepted": (Fault(do="huge", when="after"),),
    "cut_accepted": (Fault(do="cut"),),
    "accepted_without_id": (Fault(do="without_id"),),
    "garbage_accepted": (Fault(do="garbage", when="after"),),
    # 13
    "slow_success": (Fault(do="slow", seconds=7200),),
    "success_despite_cancel": (Fault(do="ignore_cancel"),),
    # 14: moderation before, during and after generation, billed or not.
    "moderated_before": (
        Fault(do="fail", provider="fal", code="content_policy_violation", at="queue"),
        Fault(do="fail", provider="runway", code="SAFETY.INPUT.IMAGE", at="queue", billed=True),
        Fault(do="error", provider="kling", code="1301"),
    ),
    "moderated_during": (
        Fault(do="fail", provider="fal", code="content_policy_violation", at="run"),
        Fault(do="fail", provider="runway", code="INPUT_PREPROCESSING.SAFETY.TEXT", at="run"),
        Fault(do="fail", provider="kling", code="content", at="run"),
    ),
    "moderated_after": (
        Fault(do="fail", provider="fal", code="no_media_generated", billed=True),
        Fault(do="fail", provider="runway", code="SAFETY.OUTPUT.VIDEO.NEW", billed=True),
        Fault(do="fail", provider="kling", code="content", billed=True),
    ),
    # 16
    "withdrawn_404": (Fault(do="error", code="not_found", times=0),),
    "withdrawn_410": (Fault(do="error", code="gone", status=410, times=0),),
    # The account.
    "out_of_credit": (
        Fault(do="error", provider="fal", code="exhausted_balance", times=0),
        Fault(do="error", provider="runway", code="no_credits", times=0),
        Fault(do="error", provider="kling", code="1102", times=0),
    ),
    "account_locked": (
        Fault(do="error", provider="fal", code="user_locked", times=0),
        Fault(do="error", provider="kling", code="1100", times=0),
    ),
    "bad_key": (Fault(do="error", code="unauthorized", route="*", times=0),),
    # 17 to 21
    "thousand_callbacks": (Fault(do="duplicate", copies=1000),),
    "early_callback": (Fault(do="early"),),
    "callbacks_out_of_order": (Fault(do="reorder"),),
    "late_callback": (Fault(do="late"),),
    "lost_callback": (Fault(do="drop", times=0),),
    "forged_callback": (Fault(do="forge", times=0),),
    "tampered_callback": (Fault(do="tamper", times=0),),
    "stale_callback": (Fault(do="stale", times=0),),
    "unsigned_callback": (Fault(do="unsigned", times=0),),
    "replayed_callback": (Fault(do="replay"),),
    "callback_of_other_user": (Fault(do="other_user", times=0),),
    "callback_about_other_task": (Fault(do="other_task", times=0),),
    "contradicting_callback": (Fault(do="contradict"),),
    "callback_without_payload": (Fault(do="payload_error"),),
    "nonsense_callback": (Fault(do="nonsense"),),
    # 22
    "keys_down": (Fault(do="status", route="keys", status=503, times=0),),
    "keys_hang": (Fault(do="hang", route="keys", times=0),),
    "keys_rotated": (Fault(do="rotate"),),
    # 23
    "completed_but_failed": (
        Fault(do="fail", provider="fal", code="internal_server_error"),
        Fault(do="fail", provider="runway", code="INTERNAL.BAD_OUTPUT.CODE01"),
        Fault(do="fail", provider="kling"),
    ),
    "success_without_video": (Fault(do="no_video"),),
    "success_with_empty_address": (Fault(do="no_video", variant="empty_url"),),
    # 24
    "polls_500": (Fault(do="status", route="poll", nth=(1, 2, 3)),),
    "polls_html": (Fault(do="html", route="poll", nth=(1, 2)),),
    "polls_404_for_30_s": (Fault(do="vanish", seconds=30),),
    "polls_hang": (Fault(do="hang", route="poll", nth=(1,)),),
    "polls_cut": (Fault(do="cut", route="poll", nth=(1, 2)),),
    "progress_goes_back": (Fault(do="rewind"),),
    "vanished_for_good": (Fault(do="vanish"),),
    # 27, 4
    "slow_but_progressing": (Fault(do="slow", seconds=900),),
    "stuck_in_queue": (Fault(do="stall", at="queue"),),
    "stuck_running": (Fault(do="stall", at="run"),),
    # 34
    "result_expired": (Fault(do="expired", times=0),),
    "result_403": (Fault(do="status", route="media", status=403),),
    "result_redirects_inside": (Fault(do="redirect", route="media", times=0),),
    "result_is_private": (Fault(do="result_url"),),
    "result_slow": (Fault(do="drip"),),
    "result_hangs": (Fault(do="hang", route="media"),),
    "result_cut": (Fault(do="cut", route="media"),),
    "result_wrong_length": (Fault(do="wrong_length"),),
    "result_without_length": (Fault(do="no_length"),),
    "result_wrong_type": (Fault(do="wrong_type"),),
    "result_corrupt": (Fault(do="corrupt", times=0),),
    "result_enormous": (Fault(do="enormous", times=0),),
}  # fmt: skip
