"""Keys of the orchestrator's API: made, listed, revoked.

`./run keys`; in its image, which has no `./run`, `python -P -m gateway.keys`.
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime

from gateway.keys.key import IssuedKey, KeyScope, NewKey
from gateway.keys.opening import key_secret, open_keys
from gateway.keys.store import KeyStore
from gateway.orchestrate.configuring import load_service
from parley.arguments import CommandParser
from parley.program import reported

_ABOUT = "Keys of the orchestrator's API: made, listed, revoked."
_DAY_S = 86_400.0
_EVERY = tuple(KeyScope)
_CONFIG = "the orchestrator's settings, as of ./run orchestrator"


def main(arguments: list[str]) -> int:
    """0; 1 where there is no such key. Raises ConfigurationError and KeyStoreError."""
    given = make_parser().parse_args(arguments)
    security = load_service(given.config).security

    async def run() -> int:
        store = open_keys(security)
        try:
            if given.what == "create":
                scopes = tuple(KeyScope(scope) for scope in given.scope or _EVERY)
                new = key_secret(security).create(
                    given.name,
                    tuple(dict.fromkeys(scopes)),
                    per_minute=given.per_minute,
                    now_s=time.time(),
                    keep_s=given.days * _DAY_S if given.days else None,
                )
                await store.add(new.key)
                _print_new(new, as_json=given.json)
                return 0
            if given.what == "list":
                _print_all(list(await store.all()), as_json=given.json)
                return 0
            return await _revoke(store, given.id)
        finally:
            await store.aclose()

    return asyncio.run(run())


async def _revoke(store: KeyStore, key_id: str) -> int:
    if await store.revoke(key_id, now_s=time.time()):
        print(f"Revoked {key_id}: from now on it opens nothing.")
        return 0
    print(
        f"parley: no key {key_id} is in force; ./run keys list has those that are", file=sys.stderr
    )
    return 1


def _print_new(new: NewKey, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"key": new.text, **_told(new.key)}))
        return
    print(new.text)
    print(
        f"\nThis is the key {new.key.id} ({new.key.name}). It is shown once: what is kept of it "
        "cannot be turned back.\nSend it in the header X-API-Key.",
        file=sys.stderr,
    )


def _print_all(keys: list[IssuedKey], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_told(key) for key in keys]))
        return
    if not keys:
        print("There are no keys: `./run keys create NAME` makes one.")
    for key in keys:
        told = _told(key)
        limit = f"{key.per_minute} a minute" if key.per_minute else "default limit"
        print(
            f"{key.id}  {told['state']:<8}  {key.name}  ({', '.join(key.scopes)}; {limit}; "
            f"expires {told['expires_at'] or 'never'})"
        )


def _told(key: IssuedKey) -> dict[str, object]:
    state = "revoked" if key.revoked_at_s else "valid" if key.is_valid(time.time()) else "expired"
    return {
        "id": key.id,
        "name": key.name,
        "state": state,
        "scopes": list(key.scopes),
        "per_minute": key.per_minute,
        "created_at": _moment(key.created_at_s),
        "expires_at": _moment(key.expires_at_s),
        "revoked_at": _moment(key.revoked_at_s),
    }


def _moment(at_s: float | None) -> str | None:
    if at_s is None:
        return None
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run keys", description=_ABOUT)
    commands = parser.add_subparsers(dest="what", required=True)
    parser.add_argument("--config", default="", metavar="FILE", help=_CONFIG)
    create = commands.add_parser("create", help="make a key, and show it once")
    create.add_argument("name", help="whose it is, or what for")
    create.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in _EVERY],
        help="what it may be used for, several times; without: for everything",
    )
    create.add_argument(
        "--per-minute",
        type=_count,
        metavar="N",
        help="requests; without: security.rate_limiting.requests_per_minute",
    )
    create.add_argument("--days", type=_count, help="after which it expires; without: never")
    create.add_argument("--json", action="store_true", help="print it as JSON")
    listing = commands.add_parser("list", help="the keys, without what opens anything")
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    revoke = commands.add_parser("revoke", help="a key opens nothing from now on")
    revoke.add_argument("id", help="its id, as `list` has it")
    for command in (create, listing, revoke):  # where people write it
        command.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE", help=_CONFIG)
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(reported(lambda: main(sys.argv[1:])))
