"""Making an adapter a model name of the endpoint: the embedded host finds it in its folder, vLLM is told by its adapter API."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from tutor.llm import catalog
from tutor.llm.models import Endpoint, Trial, UnreadableKey
from tutor.studio.models import Adapter

logger = logging.getLogger(__name__)

SECONDS = 60  # for a server to load an adapter


class NotLoaded(Exception):
    """The server did not take the adapter, or not give it up; the message says why and what to do."""


def load(home: Endpoint, adapter: Adapter) -> None:
    """Have the endpoint answer under the adapter's name; nothing happens where it does already. Raises NotLoaded."""
    folder = catalog.root() / "adapters" / adapter.name
    if home.embedded:
        if not (folder / "adapter_config.json").is_file():
            raise NotLoaded(f"The files of “{adapter.name}” are not at {folder} any more. Train it again.")
        if adapter.base != home.model:
            raise NotLoaded(
                f"“{adapter.name}” changes {adapter.base}, and the model host serves {home.model}. Serve {adapter.base} with "
                "vLLM and set LLM_BASE_URL, or train on the host's own model."
            )
        return
    said = _tell(home, "load_lora_adapter", {"lora_name": adapter.name, "lora_path": str(folder)})
    if said.status_code >= 300 and not (said.status_code == 400 and "already" in said.text):
        raise NotLoaded(
            f"{home.base_url} did not load the adapter ({_reason(said)}). A vLLM server needs --enable-lora, a --max-lora-rank "
            "that is no lower than the adapter's and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and has to see the folder of the "
            "models under the same path."
        )


def unload(home: Endpoint, adapter: Adapter) -> None:
    """Have the endpoint forget the adapter; the embedded host does by itself. Raises NotLoaded."""
    if home.embedded:
        return
    said = _tell(home, "unload_lora_adapter", {"lora_name": adapter.name})
    if said.status_code >= 300 and said.status_code != 404:  # 404: it does not have it
        raise NotLoaded(
            f"{home.base_url} did not unload “{adapter.name}” ({_reason(said)}). It answers nobody of this site any more; "
            "restart that server to free its memory."
        )


@contextmanager
def loaded(home: Endpoint, adapters: Sequence[Adapter]) -> Iterator[None]:
    """While inside, the endpoint answers under the adapters' names; those that serve nobody leave it afterwards.

    Raises NotLoaded. The embedded host is asked for nothing: it takes an adapter with the first question to it.
    """
    if home.embedded:
        yield
        return
    for adapter in adapters:
        load(home, adapter)
    try:
        yield
    finally:
        for adapter in adapters:
            if not Trial.objects.filter(endpoint__model=adapter.name, ended=None).exists():
                try:
                    unload(home, adapter)
                except NotLoaded as error:
                    logger.warning("%s", error)


def _tell(home: Endpoint, what: str, values: dict[str, str]) -> httpx.Response:
    try:
        headers = {"Authorization": f"Bearer {home.api_key}"} if home.api_key else {}
        return httpx.post(f"{home.base_url}/{what}", json=values, headers=headers, timeout=SECONDS)
    except UnreadableKey as error:
        raise NotLoaded(str(error)) from None
    except httpx.TimeoutException:
        raise NotLoaded(
            f"{home.base_url} did not answer within {SECONDS} s. Is the server overloaded?"
        ) from None
    except httpx.HTTPError as error:
        raise NotLoaded(
            f"{home.base_url} could not be reached ({type(error).__name__}). Check that the server runs."
        ) from None


def _reason(said: httpx.Response) -> str:
    return f"status {said.status_code}: {said.text.strip()[:200]}"
