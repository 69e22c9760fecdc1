"""One streamed HTTP request to a provider, and what can become of it as ModelRequestErrors."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2

from dialogue.model import CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S
from dialogue.model_errors import ModelRequestError, of_status, without_key
from dialogue.tls_context import tls_context

_LONGEST_SAID = 500


@dataclass(frozen=True, kw_only=True)
class ProviderHttp:
    """How one provider is reached. `secrets` are in no error."""

    client: httpx2.AsyncClient = field(repr=False)
    at: str
    """Its address, without a slash at the end."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    key_is: str = "key"
    """What the key is called where it is refused."""

    @asynccontextmanager
    async def streamed(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        model: str = "",
    ) -> AsyncIterator[httpx2.Response]:
        """The response, whose body has not been read; leaving the block ends the connection unless
        the body was read to its end. Raises ModelRequestError, also for what the block meets."""
        try:
            async with self.client.stream(
                method, url, headers=dict(headers), content=content
            ) as response:
                if response.status_code != httpx2.codes.OK:
                    await response.aread()
                    raise of_status(
                        response.status_code,
                        self._clean(said(response.content)),
                        at=self.at,
                        model=model,
                        key_is=self.key_is,
                    )
                yield response
        except httpx2.TimeoutException:
            raise ModelRequestError(
                f"the language model at {self.at} did not answer in time",
                code="model_timeout",
                retryable=True,
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelRequestError(
                f"the language model at {self.at} cannot be reached, or the connection broke: "
                f"{self._clean(str(error) or type(error).__name__)}",
                code="model_unreachable",
                retryable=True,
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError, BrokenStreamError) as error:
            raise ModelRequestError(
                f"the language model at {self.at} sent what is no answer: {error}",
                code="model_broken_answer",
                retryable=True,
            ) from None

    def failed(self, status: int, text: str, *, model: str) -> ModelRequestError:
        """An error that came within a stream, as if it had been this HTTP status."""
        return of_status(status, self._clean(text), at=self.at, model=model, key_is=self.key_is)

    def broke_off(self) -> ModelRequestError:
        """The stream ended before the answer did."""
        return ModelRequestError(
            f"the language model at {self.at} broke off its answer",
            code="model_unavailable",
            retryable=True,
        )

    def _clean(self, text: str) -> str:
        for secret in self.secrets:
            text = without_key(text, secret)
        return text


class BrokenStreamError(Exception):
    """Bytes that are no message of the protocol."""


def new_client() -> httpx2.AsyncClient:
    """Needs no running event loop. Whoever makes it closes it."""
    return httpx2.AsyncClient(
        verify=tls_context(),
        timeout=httpx2.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        limits=httpx2.Limits(keepalive_expiry=120),
    )


def said(body: bytes) -> str:
    """The message in an error's body, whichever of the usual shapes it has."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body[:_LONGEST_SAID].decode(errors="replace")
    if isinstance(parsed, dict):
        inner = parsed.get("error")
        for told in (inner if isinstance(inner, dict) else {}, parsed):
            for key in ("message", "Message"):
                if isinstance(told.get(key), str):
                    return str(told[key])[:_LONGEST_SAID]
    return str(parsed)[:_LONGEST_SAID]
