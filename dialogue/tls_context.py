"""The TLS context of all clients of a process: making one takes a third of a second."""

import ssl
from functools import cache

import httpx2


@cache
def tls_context() -> ssl.SSLContext:
    """With the authorities that the system, or SSL_CERT_FILE, names."""
    return httpx2.create_ssl_context()
