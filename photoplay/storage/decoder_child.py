"""The process that decodes what strangers send, so that nothing of theirs runs in ours.

It is started once, imports the decoders, and then forks for each request: the fork has hard limits
on time, memory and files, does one thing and is gone, whatever the file did to it. Requests and
answers are lines of JSON on standard input and output. Only `decoders` starts it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from photoplay.storage import picture_decoding
from photoplay.storage.refusals import Refusal

READY: Final = b"ready\n"

_ANSWER_BYTES: Final = 64 << 10
_OPEN_FILES: Final = 64

Facts = dict[str, Any]


def serve() -> None:
    """Answer requests until standard input ends."""
    picture_decoding.prepare()
    gc.freeze()
    os.write(1, READY)
    # Nobody reads any more when our process has been killed.
    with contextlib.suppress(BrokenPipeError), os.fdopen(0, "rb", closefd=False) as requests:
        for line in requests:
            os.write(1, json.dumps(_answer(json.loads(line))).encode() + b"\n")


def _answer(request: Mapping[str, Any]) -> Facts:
    task = _task(request["task"])
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _run_in_fork(task, request, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read(_ANSWER_BYTES)
    _, status, used = os.wait4(pid, 0)
    if status != 0 or not text:
        return {"died": os.waitstatus_to_exitcode(status), "cpu_s": used.ru_utime + used.ru_stime}
    return json.loads(text)


def _task(name: str) -> Callable[..., Facts]:
    if name == "picture":
        return picture_decoding.normalise
    # Imported here, before the fork, so that each fork finds it loaded.
    from photoplay.storage import video_decoding

    return {
        "inspect": video_decoding.inspect,
        "remux": video_decoding.remux,
        "poster": video_decoding.make_poster,
    }[name]


def _run_in_fork(task: Callable[..., Facts], request: Mapping[str, Any], writing: int) -> None:
    status = 1
    try:
        _confine(request["seconds"], request["memory_bytes"], request["output_bytes"])
        try:
            answer = {"facts": task(**request["arguments"])}
        except Refusal as refusal:
            answer = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
        os.write(writing, json.dumps(answer).encode())
        status = 0
    finally:
        # Whatever happened, the copy of the serving loop below must not go on.
        os._exit(status)


def _confine(seconds: float, memory_bytes: int, output_bytes: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    # The alarm is the limit that is meant; the others hold if the decoder blocks signals.
    signal.setitimer(signal.ITIMER_REAL, seconds)
    cpu_s = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Other systems count shared libraries so generously that the decoder would not start.
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


if __name__ == "__main__":
    serve()
