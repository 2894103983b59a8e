"""TLS in front of a PostgreSQL that is built without it, as a proxy in production puts it there."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator

# The first packet of a client: its length and a code (PostgreSQL's documentation, "Message Formats").
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
GSS_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x30"


class TlsFront:
    """Takes clients over TLS alone and passes what they say to a port of the loopback.

    `clients` are the common names of the certificates that they showed, in order; None for one without a certificate.
    """

    def __init__(self, context: ssl.SSLContext, upstream: int) -> None:
        self.clients: list[str | None] = []
        self._context, self._upstream = context, upstream

    @contextlib.contextmanager
    def listening(self) -> Iterator[int]:
        """The port, for as long as the block lasts."""
        loop, ready, port = asyncio.new_event_loop(), threading.Event(), 0

        async def listen() -> asyncio.Server:
            return await asyncio.start_server(self._serve, "127.0.0.1", 0)

        def run() -> None:
            nonlocal port
            server = loop.run_until_complete(listen())
            port = server.sockets[0].getsockname()[1]
            ready.set()
            loop.run_forever()
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        ready.wait()
        try:
            yield port
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError), contextlib.closing(answer):
            while (request := await client.readexactly(8)) == GSS_REQUEST:
                answer.write(b"N")
            if request != SSL_REQUEST:
                return  # clear text
            answer.write(b"S")
            await answer.start_tls(self._context)
            subject = dict(pair for (pair,) in (answer.get_extra_info("peercert") or {}).get("subject", ()))
            self.clients.append(subject.get("commonName"))
            server, request_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
            with contextlib.closing(request_writer):
                ways = [asyncio.ensure_future(_pass_on(client, request_writer)), asyncio.ensure_future(_pass_on(server, answer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()
