"""The websocket of one conversation: what comes in is checked and acted on, what goes out comes from stored events."""

from __future__ import annotations

import asyncio
import logging

from channels.generic.websocket import AsyncWebsocketConsumer

from tutor.chat import feedback, turns
from tutor.chat.asking import Refused
from tutor.chat.audience import Tab
from tutor.chat.events import encode
from tutor.chat.messages import MAX_BYTES, Allowance, Ask, Malformed, Noticed, Resume, Stop, parse
from tutor.chat.models import Conversation
from tutor.chat.threads import in_thread

log = logging.getLogger(__name__)

SIGNED_OUT, FORBIDDEN, MALFORMED, TOO_LARGE, FLOODING, BROKEN = 4401, 4403, 4400, 1009, 4429, 1011
TABS = 20  # sockets a person may have on one conversation in a process


class ConversationConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """One tab. A task of its own sends, so that nothing that comes in ever waits for what goes out."""

    channel_layer_alias = "none"  # tabs are woken through the process's audience

    async def connect(self) -> None:
        self.sender: asyncio.Task[None] | None = None
        await self.accept()  # a socket that was never accepted could not say why it is closed
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.close(SIGNED_OUT)
            return
        wanted = self.scope["url_route"]["kwargs"]["conversation"]
        found = await in_thread(Conversation.objects.open_to(user).filter(uuid=wanted).first)()
        if found is None:
            await self.close(FORBIDDEN)
            return
        self.conversation, self.runner = found, turns.runner()
        if self.runner.audience.count(found.pk, user.pk) >= TABS:
            await self.close(FLOODING)
            return
        self.tab, self.allowance = Tab(found.pk, user.pk), Allowance()
        self.runner.audience.join(self.tab, self.runner.logs(found.pk), shared=found.shared)
        self.sender = asyncio.create_task(self.send_events())

    async def disconnect(self, code: int) -> None:
        if self.sender:
            self.sender.cancel()
            self.runner.audience.leave(self.tab)

    async def send_events(self) -> None:
        try:
            while await self.runner.audience.allows(self.tab):
                for wire in await self.tab.unsent():
                    await self.send(wire)
                await self.tab.news.wait()
                self.tab.news.clear()
            await self.close(FORBIDDEN)
        except OSError:  # the client is gone
            pass
        except Exception:
            log.exception("A tab could not be served")
            await self.close(BROKEN)  # it comes again and resumes

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.sender is None:  # refused, and still talking
            return
        if not self.allowance.spend():
            await self.close(FLOODING)
        elif len(text_data or bytes_data or "") > MAX_BYTES:
            await self.close(TOO_LARGE)
        else:
            try:
                await self.act_on(parse(text_data or ""))
            except Malformed:
                await self.close(MALFORMED)

    async def act_on(self, message: Ask | Stop | Resume | Noticed) -> None:
        match message:
            case Resume():
                self.tab.resume(message.after)
            case _ if self.conversation.shared or not self.tab.resumed:
                raise Malformed("The first message has to be resume; in a classroom it is the only one.")
            case Ask():
                await self.ask(message)
            case Stop():
                await self.runner.request_stop(self.conversation, message.turn)
            case Noticed(turn=turn, kind=kind, data=data):
                await in_thread(feedback.notice)(self.conversation, turn, kind, data)

    async def ask(self, message: Ask) -> None:
        try:
            await self.runner.ask(self.conversation, message)
        except Refused as refusal:
            words = {"client_id": str(message.client_id), "code": refusal.code, "message": str(refusal)}
            await self.send(encode({"turn": None, "seq": 0, "type": "error", **words}))
