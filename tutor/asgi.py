"""HTTP, websockets and the life of the process, in one ASGI application."""

import asyncio
import os
import tempfile
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutor.settings")
http = get_asgi_application()

from django.conf import settings  # noqa: E402 - apps must be ready first
from django.http.request import validate_host  # noqa: E402

from courses.uploads import BodyLimit  # noqa: E402
from tutor.chat import turns  # noqa: E402
from tutor.chat.threads import away  # noqa: E402
from tutor.chat.urls import websocket_urlpatterns  # noqa: E402
from tutor.chat.warming import warm  # noqa: E402
from tutor.classrooms import driving  # noqa: E402

tempfile.tempdir = str(
    settings.FILE_UPLOAD_TEMP_DIR
)  # Django spools bodies of requests to the system's folder otherwise

GRACE = 6  # seconds that running turns get to finish when the server stops

sockets = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))


def from_this_site(headers: dict[bytes, bytes]) -> bool:
    """Whether a page of this site opened the socket: browsers send cookies along with any page's sockets."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ours = urlsplit(origin).netloc == host
    except ValueError:
        return False
    allowed = [entry.strip("[]") for entry in settings.ALLOWED_HOSTS]
    return origin == settings.SITE_URL or (bool(host) and ours and validate_host(name, allowed))


async def websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Sockets of this site's own pages only."""
    application = sockets if from_this_site(dict(scope["headers"])) else WebsocketDenier.as_asgi()
    await application(scope, receive, send)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Start looking after turns and classrooms with the server; before it ends, finish or close what runs."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            driving.driver()
            await send({"type": "lifespan.startup.complete"})
            warming = asyncio.create_task(away(warm)())
        else:
            warming.cancel()
            await driving.driver().close()
            await turns.runner().close(GRACE)
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter({"http": BodyLimit(http), "websocket": websocket, "lifespan": lifespan})
