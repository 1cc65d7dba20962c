"""The embedded model host: a process of its own that serves the default model over the OpenAI protocol on loopback."""

from tutor.llm.host.process import HostFailed, running

__all__ = ["HostFailed", "running"]
