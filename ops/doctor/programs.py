"""What `up` needs beside Python: the LiveKit server, the page, the models; Chromium for tests."""

import shutil
from collections.abc import Iterator

from ops.doctor.finding import Finding, ok, problem, warning
from ops.supervisor.configuration import Configuration
from ops.supervisor.parts import local_names
from ops.supervisor.preparation import needed_models
from ops.toolchain import find_livekit_server, find_node, page_is_built
from parley import models, paths
from parley.errors import ModelError
from parley.models.manifest import holder

_FETCHED_BY_UP = "`./run up` gets it"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def check_programs(configuration: Configuration) -> Iterator[Finding]:
    """Warnings for what is yet to be fetched, problems for what cannot be."""
    if configuration.livekit_is_local:
        server = find_livekit_server()
        if server is None:
            yield warning("LiveKit server", "not here yet", f"{_FETCHED_BY_UP}, or builds it")
        else:
            yield ok("LiveKit server", str(server))
    yield from _page()
    for name in needed_models(configuration, local_names(configuration)):
        yield _model(name)
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        remedy = "only the browser tests need it (Debian: sudo apt-get install chromium)"
        yield warning("Chromium", "not found", remedy)
    else:
        yield ok("Chromium", f"{chromium} (for tests)")


def _page() -> Iterator[Finding]:
    if page_is_built(paths.repository() / "web"):
        yield ok("page", "built from the sources as they are")
        return
    yield warning("page", "not built from the sources as they are", "`./run up` builds it")
    node = find_node()
    if node is None:
        yield warning("Node", "not on PATH", f"{_FETCHED_BY_UP}, to build the page with")
    else:
        yield ok("Node", str(node.node))


def _model(name: str) -> Finding:
    subject = f"model {name}"
    try:
        folder = models.cached(name)
    except ModelError as error:
        return problem(subject, str(error), "name one that is known (DEFAULT_MODEL, configs/)")
    if folder is None:
        size_mb = holder(models.find(name)).size_bytes / 1e6
        return warning(subject, "not here yet", f"{_FETCHED_BY_UP} ({size_mb:.0f} MB)")
    return ok(subject, "cached and verified")
