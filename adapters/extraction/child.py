"""The child process: a single-threaded warden that forks one confined reader for every file.

No reader outlives its file, so nothing that a hostile file does to it can reach the next one. Forking costs a few
milliseconds where a new interpreter costs a hundred; small plain texts, which meet no parser, are spared even that.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from adapters.extraction import readers
from adapters.extraction.limits import Limits, confine, leave_network, seal
from adapters.extraction.messages import (
    ANSWERED,
    EXIT_CODES,
    READY,
    UNREADABLE,
    Request,
    encode_extract,
    encode_failure,
    read_frame,
    write_frame,
)
from adapters.extraction.sniffing import HEAD_BYTES
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason

Reader = Callable[[bytes, Request], Extract]

STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM)
KIBIBYTE = 1024
SMALL_BYTES = 256 * KIBIBYTE


def read_file(data: bytes, request: Request) -> Extract:
    """Bytes to text, with nothing left to open once a parser sees them."""
    prepared = readers.prepare(data, request.hints)
    seal()
    return readers.read(prepared, request.limits)


def serve(read: Reader = read_file) -> None:
    """Answer requests until standard input ends, or until a reader dies: then end with the code that says how."""
    source, sink = _own_channels()
    leave_network()
    gc.freeze()
    write_frame(sink, READY)
    while (message := read_frame(source)) is not None:
        request = Request.parse(message)
        if _answer_here(request, sink):
            continue
        reader = os.fork()
        if reader == 0:
            _answer(request, sink, read)
        _, status, usage = os.wait4(reader, 0)
        if os.waitstatus_to_exitcode(status) != ANSWERED:
            sys.exit(_verdict(status, usage.ru_maxrss * KIBIBYTE, request.limits))


def _own_channels() -> tuple[int, int]:
    """Descriptors for the protocol; whatever a library prints goes nowhere instead of among the frames."""
    source, sink = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nowhere, standard)
    return source, sink


def _answer_here(request: Request, sink: int) -> bool:
    """Read a small text without forking, and give False for anything else: then its parser is imported by now."""
    try:
        with Path(request.path).open("rb") as file:
            head = file.read(SMALL_BYTES + 1)
    except OSError:
        write_frame(sink, UNREADABLE)
        return True
    if readers.warm_up(head[:HEAD_BYTES], request.hints) or len(head) > SMALL_BYTES:
        return False
    signal.setitimer(signal.ITIMER_REAL, request.limits.wall_seconds)
    frames = _text_frames(head, request)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for frame in frames:
        write_frame(sink, frame)
    return bool(frames)


def _text_frames(data: bytes, request: Request) -> tuple[bytes, ...]:
    try:
        prepared = readers.prepare(data, request.hints)
        return encode_extract(readers.read(prepared, request.limits)) if prepared.kind in readers.TEXT_READERS else ()
    except ExtractionFailed as failure:
        return (encode_failure(ExtractionReason(failure.code)),)
    except Exception:  # the warden outlives every text, also one that meets a fault of ours
        return (encode_failure(ExtractionReason.CRASHED),)


def _answer(request: Request, sink: int, read: Reader) -> None:
    """Read one file and end. What cannot be told in a frame is told by the exit code."""
    code = EXIT_CODES[ExtractionReason.CRASHED]
    try:
        confine(request.limits)
        for frame in _frames(request, read):
            write_frame(sink, frame)
        code = ANSWERED
    except MemoryError:
        code = EXIT_CODES[ExtractionReason.TOO_MUCH_MEMORY]
    finally:
        os._exit(code)


def _frames(request: Request, read: Reader) -> tuple[bytes, ...]:
    try:
        data = Path(request.path).read_bytes()
    except OSError:
        return (UNREADABLE,)
    try:
        return encode_extract(read(data, request))
    except ExtractionFailed as failure:
        return (encode_failure(ExtractionReason(failure.code)),)
    except MemoryError:
        return (encode_failure(ExtractionReason.TOO_MUCH_MEMORY),)
    except RecursionError:
        return (encode_failure(ExtractionReason.BROKEN),)


def _verdict(status: int, peak_bytes: int, limits: Limits) -> int:
    """The code that says why a reader died; 1 where somebody ended it from outside, which says nothing about the file.

    C libraries abort when memory ends, so a death near the limit counts as that, and so does the kernel's SIGKILL.
    """
    code = os.waitstatus_to_exitcode(status)
    if code > 0:
        return code
    if -code in STOPPED:
        return 1
    if -code in OUT_OF_TIME:
        return EXIT_CODES[ExtractionReason.TOO_SLOW]
    out_of_memory = -code == signal.SIGKILL or peak_bytes > limits.memory_bytes / 2
    return EXIT_CODES[ExtractionReason.TOO_MUCH_MEMORY if out_of_memory else ExtractionReason.CRASHED]


if __name__ == "__main__":
    serve()
