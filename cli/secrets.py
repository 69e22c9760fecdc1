"""`./run secrets`: writes .env.prod for docker-compose.prod.yml, with secrets that nobody knows."""

import re
from pathlib import Path

from ops.production_file import FILE, TEMPLATE, filled, made_secrets
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ConfigurationError
from parley.private import open_private
from parley.settings.values import is_ip

_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9-]{1,63})*")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def main(arguments: list[str], *, folder: Path | None = None) -> int:
    """Raises ConfigurationError where there is one already, or for what cannot be a value."""
    folder = folder or paths.repository()
    options = make_parser().parse_args(arguments)
    file = folder / FILE
    values = made_secrets() | _given(options.domain, options.email, options.address)
    template = (folder / TEMPLATE).read_text(encoding="utf-8")
    text, empty = filled(template, values)
    if file.exists():
        raise ConfigurationError(
            f"{file} is there already, and what runs uses its secrets: delete it yourself if "
            "everything is to get new ones"
        )
    with open_private(file, append=False) as stream:
        stream.write(text.encode())
    print(f"wrote {file}, for its owner alone")
    if empty:
        print(f"set in it: {', '.join(empty)}")
    print(f"start: docker compose --env-file {FILE} -f docker-compose.prod.yml up -d --build")
    return 0


def _given(domain: str, email: str, address: str) -> dict[str, str]:
    if domain and not _HOST_NAME.fullmatch(domain):
        raise ConfigurationError(f"--domain is {domain!r}: expected a name like talk.example.org")
    if email and not _MAIL.fullmatch(email):
        raise ConfigurationError(f"--email is {email!r}: expected an address like you@example.org")
    if address and not is_ip(address):
        raise ConfigurationError(f"--address is {address!r}: expected one like 203.0.113.7")
    return {"PARLEY_DOMAIN": domain, "ACME_EMAIL": email, "NODE_IP": address}


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run secrets", description=__doc__)
    parser.add_argument("--domain", default="", help="the name that browsers use")
    parser.add_argument("--email", default="", help="told when a certificate cannot be renewed")
    parser.add_argument("--address", default="", help="of this server, for media")
    return parser
