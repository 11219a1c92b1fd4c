"""A real SMTP server that keeps what it accepts in a file: one JSON line a mail, written before it says yes.

python -m tests.jobs.sink PORT FILE
"""

from __future__ import annotations

import asyncio
import json
import sys
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class Keeper:
    def __init__(self, path: str) -> None:
        self.path = path

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain",))
        kept = {
            "to": envelope.rcpt_tos,
            "subject": str(mail["Subject"]),
            "text": body.get_content() if body else "",
            "headers": {name: str(value) for name, value in mail.items()},
            "has_html": mail.get_body(("html",)) is not None,
        }
        with open(self.path, "a") as file:
            file.write(json.dumps(kept) + "\n")
        return "250 kept"


def main(port: int, path: str) -> None:
    controller = Controller(Keeper(path), hostname="127.0.0.1", port=port)
    controller.start()
    print("ready", flush=True)
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
