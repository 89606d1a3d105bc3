"""``python -m devices.recorder.process``: writes what comes through its standard input, sent by ``pipe``."""

from __future__ import annotations

import json
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from devices.formats.writer import Writer, open_writer
from devices.recorder.pipe import frames, info_of, unpacked
from dsp.complaints import one_sentence


def main() -> int:
    """Writes until the pipe ends; whatever goes wrong is said in one line."""
    try:
        complaint = _record()
    except Exception as error:  # a defect as well: nobody would see its traceback
        wrong = one_sentence(error)
        known = isinstance(error, ValueError | OSError)
        _say(error=wrong if known else f"the recording's process has a defect ({type(error).__name__}: {wrong})")
        return 1
    _say(done=complaint)
    return 0


def _record() -> str:
    incoming = frames(sys.stdin.buffer)
    kind, content = next(incoming, (b"", b""))
    if kind != b"O":
        raise ValueError("this process is started by a recorder and not by hand; use python -m devices record")
    writer = _open(json.loads(content))
    try:
        _say(ready="")
        for kind, content in incoming:
            _pass_on(writer, kind, content)
    finally:
        writer.close()
    return writer.complaint


def _open(given: dict[str, Any]) -> Writer:
    options = given["options"]
    options["names"] = tuple(options.get("names", ()))
    return open_writer(Path(given["path"]), info_of(given["info"]), format_=given["format"], **options)


def _pass_on(writer: Writer, kind: bytes, content: bytes) -> None:
    if kind == b"C":
        writer.write(unpacked(content))
    elif kind == b"M":
        writer.mark(struct.unpack_from("<q", content)[0], content[8:].decode())
    elif kind == b"N":
        writer.note(struct.unpack_from("<q", content)[0], content[8:].decode())
    elif kind == b"T":
        writer.offset(*struct.unpack("<dd", content))
    elif kind == b"F":
        writer.flush()


def _say(**line: str) -> None:
    with suppress(OSError):  # the parent may be gone; the file is what counts
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
