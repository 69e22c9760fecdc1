"""Fetching: a package's files, a file by HTTP, checksums; whole or not at all."""

from parley.fetch.checksum import Checksum, digest
from parley.fetch.download import download
from parley.fetch.packages import install_packages
from parley.fetch.process import run_logged
from parley.fetch.staging import locked, resumed, staged

__all__ = [
    "Checksum",
    "digest",
    "download",
    "install_packages",
    "locked",
    "resumed",
    "run_logged",
    "staged",
]
