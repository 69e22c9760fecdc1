"""Whether the language model answers: asked as a call would ask it, for one token."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.doctor.finding import Finding, Level, ok, problem, warning
from ops.llm_choice import choose_llm
from parley.fetch.trust import OWN_AUTHORITY, is_untrusted
from parley.settings import OrchestratorSettings
from parley.settings.values import without_credentials

LIST_WITHIN_S = 4.0
ANSWER_WITHIN_S = 8.0
"""Longer than that also a person would wait; a server may still be loading the model."""
_SUBJECT = "LLM"
_SHOWN_MODELS = 5


@dataclass(frozen=True)
class _Answer:
    status: int
    body: object

    @property
    def names(self) -> Sequence[str]:
        """Of the models, where this is a list of them."""
        listed = self.body.get("data") if isinstance(self.body, dict) else None
        entries = listed if isinstance(listed, list) else []
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


class _UnreachableError(Exception):
    """Nobody answered; the text says why."""


@dataclass(frozen=True)
class _Server:
    url: str
    key: str

    @property
    def shown(self) -> str:
        """The address, as it may be shown."""
        return without_credentials(self.url)

    def ask(
        self, path: str, *, within_s: float, content: Mapping[str, object] | None = None
    ) -> _Answer:
        """Blocks; raises _UnreachableError."""
        request = urllib.request.Request(  # noqa: S310 - the configured address
            f"{self.url}{path}",
            data=json.dumps(content).encode() if content is not None else None,
            headers={"Content-Type": "application/json"},
        )
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(request, timeout=within_s) as response:  # noqa: S310
                return _Answer(response.status, _loaded(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return _Answer(error.code, _loaded(error.read()))
        except TimeoutError:
            raise _UnreachableError(f"no answer within {within_s:.0f} s") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _UnreachableError(str(getattr(error, "reason", error))) from None


def check_llm(settings: OrchestratorSettings, *, runs: bool = False) -> Finding:
    """Whether the model of the settings can be reached and answers, which costs a token; blocks for
    some seconds at most.

    `runs`: Parley does, so that the model of this machine is asked as well, but for its name alone:
    an answer would take the place of what calls begin with. Neither the key nor what the server
    says of it is in the finding.
    """
    is_here = settings.llm_is_on_this_machine
    if is_here and not runs:
        choice = choose_llm(settings)
        where = f"on this machine, port {settings.llm.local_port}"
        return ok(_SUBJECT, f"{choice.model} {where} ({choice.why})")
    server = _Server(settings.llm_url, settings.llm.api_key.get_secret_value())
    try:
        listed = server.ask("/models", within_s=LIST_WITHIN_S)
    except _UnreachableError as error:
        remedy = "check OPENAI_BASE_URL and the network, or unset it and the key for the local LLM"
        return problem(
            _SUBJECT,
            f"{server.shown} cannot be reached ({error})",
            OWN_AUTHORITY if is_untrusted(str(error)) else "./run logs llm" if is_here else remedy,
        )
    if listed.status in (401, 403):
        return _key_refused(server, listed.status)
    return _used(server, settings, listed.names)


def _used(server: _Server, settings: OrchestratorSettings, offered: Sequence[str]) -> Finding:
    """Of the models that the server offers, the one that calls use."""
    wanted = "" if settings.llm_is_on_this_machine else settings.llm_model
    name = wanted or (offered[0] if len(offered) == 1 else "")
    if not name:
        detail = f"{server.shown} {_shown(offered)}, and no model is named"
        return problem(_SUBJECT, detail, "set LLM_MODEL to one of them")
    if settings.llm_is_on_this_machine:
        return ok(_SUBJECT, f"{name} at {server.shown}")
    found = _asked(server, name, offered, at_openai=settings.llm_is_at_openai)
    if found.level is Level.OK and not settings.llm.model and not settings.llm_is_local:
        detail = f"{found.detail}, but LLM_MODEL is not set"
        return warning(_SUBJECT, detail, f"set LLM_MODEL={name}, or another that it has")
    return found


def _asked(server: _Server, name: str, offered: Sequence[str], *, at_openai: bool) -> Finding:
    content = {
        "model": name,
        "messages": [{"role": "user", "content": "Hello."}],
        "max_completion_tokens" if at_openai else "max_tokens": 1,
    }
    try:
        answer = server.ask("/chat/completions", within_s=ANSWER_WITHIN_S, content=content)
    except _UnreachableError as error:
        return warning(
            _SUBJECT,
            f"{name} at {server.shown} gives no answer ({error})",
            "it may still be loading: ask again in a minute",
        )
    if answer.status == 200:
        return ok(_SUBJECT, f"{name} at {server.shown} answers")
    said = json.dumps(answer.body)
    names_model = name in said and "model" in said.replace(name, "")
    if answer.status in (401, 403):
        found = _key_refused(server, answer.status)
    elif answer.status == 404 or (answer.status in (400, 422) and names_model):
        found = _unknown(server, name, offered)
    elif answer.status == 402 or "insufficient_quota" in said:
        detail = f"{server.shown} wants to be paid first"
        found = problem(_SUBJECT, detail, "see to the account there")
    else:
        detail = f"{name} at {server.shown} answers {answer.status}"
        found = warning(_SUBJECT, detail, "it may still work: ./run call tells")
    return found


def _key_refused(server: _Server, status: int) -> Finding:
    remedy = "set OPENAI_API_KEY to one that it takes" if server.key else "set OPENAI_API_KEY"
    return problem(_SUBJECT, f"{server.shown} refuses the key ({status})", remedy)


def _unknown(server: _Server, name: str, offered: Sequence[str]) -> Finding:
    return problem(
        _SUBJECT,
        f"{server.shown} does not know the model {name}; it {_shown(offered)}",
        "set LLM_MODEL to a model that it has, or check OPENAI_BASE_URL (it often ends in /v1)",
    )


def _shown(offered: Sequence[str]) -> str:
    if not offered:
        return "names no models"
    more = len(offered) - _SHOWN_MODELS
    rest = f" and {more} more" if more > 0 else ""
    return f"offers {', '.join(sorted(offered)[:_SHOWN_MODELS])}{rest}"


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None
