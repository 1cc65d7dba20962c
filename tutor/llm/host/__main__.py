"""`python -m tutor.llm.host [--port N] [--lazy]`: the embedded model host. It ends when the process that started it ends."""

import argparse
import os
import signal
import sys
import threading
import time

os.environ["EMBEDDINGS"] = "process"  # this is the process that others ask
# OpenMP's threads wait for each other by spinning, for long. On a machine that is busy with other things that makes a
# pass thirty times slower (measured: 3.6 s against 94 ms), so they spin only briefly. Read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def end_with_parent() -> None:
    """Stop this process when its parent has gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        os._exit(0)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def main() -> None:
    """Parse the command line and serve."""
    end_with_parent()
    from django.conf import settings

    parser = argparse.ArgumentParser(prog="python -m tutor.llm.host", description=__doc__)
    parser.add_argument("--port", type=int, default=settings.HOST_PORT, help=f"default {settings.HOST_PORT}")
    parser.add_argument("--model", default=settings.HOST_MODEL, help=f"default {settings.HOST_MODEL}")
    parser.add_argument(
        "--lazy",
        action="store_true",
        help="load the language model at its first use: only embeddings are expected",
    )
    options = parser.parse_args()

    from tutor.llm import catalog, embeddings

    try:
        catalog.path(
            embeddings.MODEL if options.lazy else options.model
        )  # before torch is loaded, which takes seconds
    except catalog.ModelMissing as error:
        sys.exit(str(error))
    from tutor.llm.host.server import serve

    serve(options.model, options.port, lazy=options.lazy)


if __name__ == "__main__":
    main()
