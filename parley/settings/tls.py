"""Settings of TLS between clients and speech workers: each side shows a certificate."""

from pathlib import Path
from typing import Self

from pydantic import Field

from parley.settings.source import Section


class TlsSection(Section):
    """PEM files, absolute or relative to the folder of the configuration files; all or none."""

    ca: str = Field("", description="PEM file of the authority behind both sides; empty: no TLS")
    cert: str = Field("", description="PEM file of this side's certificate")
    key: str = Field("", description="PEM file of its private key")

    @property
    def is_configured(self) -> bool:
        return bool(self.ca or self.cert or self.key)

    def within(self, folder: Path) -> Self:
        """With the files' absolute paths, `folder` being that of the configuration."""
        given = {"ca": self.ca, "cert": self.cert, "key": self.key}
        paths = {name: str(folder / file) for name, file in given.items() if file}
        return self.model_copy(update=paths)


class ClientTlsSection(TlsSection):
    """The side that calls."""

    server_name: str = Field(
        "", description="name in the workers' certificates; empty: the host of each address"
    )


class WorkerTlsSection(TlsSection):
    """The side that is called."""

    insecure: bool = Field(
        False, description="true: without TLS a worker may listen beyond this machine all the same"
    )
