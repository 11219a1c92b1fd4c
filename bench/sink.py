"""A local SMTP server that takes every mail, forgets it and counts. It offers what Postfix offers.

`COUNT` answers how many mails there were.

python -m bench.sink PORT
"""

from __future__ import annotations

import asyncio
import smtplib
import sys

CONNECTION_CLOSED = b""


class Sink:
    """One counter for all connections."""

    def __init__(self) -> None:
        self.mails = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while (line := await reader.readline()) != CONNECTION_CLOSED:
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self.mails += 1
            writer.write(self._reply(word))
            if word == b"QUIT":
                break
        writer.close()

    def _reply(self, word: bytes) -> bytes:
        if word == b"COUN":
            return b"250 %d\r\n" % self.mails
        if word == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
        return b"221 bye\r\n" if word == b"QUIT" else b"250 yes\r\n"


def count_mails(port: int) -> int:
    """How many mails the sink on this port has taken."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        _, text = client.docmd("COUNT")
    return int(text)


async def main(port: int) -> None:
    server = await asyncio.start_server(Sink().serve, "127.0.0.1", port, limit=2**20)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
