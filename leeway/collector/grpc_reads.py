"""How gRPC requests are received, so that those on their way in take a bounded amount of memory.

gRPC tells nobody how large a message is before all of it has come, and makes room for all of it once it is asked for.
What has not been asked for stays with its sender but for one window of flow control. So only so many messages are read
at once, and as most have come already when they are asked for, a place is free again at once.

A message that takes its time must not keep others out: it gives its place up for room in the memory for requests, as
large as a request may be; where that is not to be had and others wait, it is asked to come back.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

import grpc.aio

from leeway.collector.intake import Intake
from leeway.collector.refusal import Later, Reason, Refused
from leeway.collector.settings import Settings

QUICK_S: Final = 0.1
"""What takes longer is not quick."""
Context = grpc.aio.ServicerContext[bytes, bytes]


class Reads:
    """Everything here runs on the event loop."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(settings.grpc_reads_max)
        self._waiting = 0

    async def message(self, context: Context, project: str) -> bytes:
        """The message of a request.

        Raises:
            Later: It has not come in time, or takes its time while others wait and there is no room.
            Refused: There is none.
        """
        reading = None
        try:
            async with asyncio.timeout(self._settings.receive_within_s) as limit:
                await self._place()
                with contextlib.ExitStack() as held:
                    held.callback(self._places.release)
                    reading = _Reading(project, limit, held)
                    self._look_later(reading)
                    held.callback(reading.stop_looking)
                    body = await context.read()
        except TimeoutError:
            raise self._not_now(reading) from None
        if not isinstance(body, bytes):
            # The stream has ended, or gRPC has refused what is too large and this answer reaches nobody.
            raise Refused(Reason.MALFORMED, "there is no message in the request")
        return body

    async def _place(self) -> None:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    def _look_later(self, reading: _Reading) -> None:
        reading.timer = self._loop.call_later(QUICK_S, self._look, reading)

    def _look(self, reading: _Reading) -> None:
        """What to do with a message that is not quick."""
        room = self._intake.room(reading.project, self._settings.request_bytes_max)
        try:
            room.__enter__()
        except Later as later:
            if self._waiting:
                reading.crowded = later
                reading.limit.reschedule(self._loop.time())
            else:
                self._look_later(reading)
            return
        reading.held.pop_all().close()  # the place, and this timer, which has run
        reading.held.push(room)

    def _not_now(self, reading: _Reading | None) -> Later:
        if reading is None:
            return Later(
                Reason.BUSY,
                f"{self._settings.grpc_reads_max} requests are being received, and others wait",
                self._settings.retry_after_s,
            )
        return reading.crowded or Later(
            Reason.SLOW,
            f"the request did not arrive within {self._settings.receive_within_s:g} s",
            self._settings.retry_after_s,
        )


@dataclass(slots=True)
class _Reading:
    """A message on its way.

    Attributes:
        held: Gives back its place, or its room, at the end.
        crowded: Why it was given up for others.
    """

    project: str
    limit: asyncio.Timeout
    held: contextlib.ExitStack
    timer: asyncio.TimerHandle = field(init=False)
    crowded: Later | None = None

    def stop_looking(self) -> None:
        self.timer.cancel()
