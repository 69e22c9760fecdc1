"""The variables that docker-compose.prod.yml is started with: their file, and its secrets."""

import base64
import secrets
from collections.abc import Mapping

FILE, TEMPLATE = ".env.prod", ".env.prod.example"


def made_secrets() -> dict[str, str]:
    """256 bits each, of letters that need no quoting in a file, an address or a shell."""
    return {
        "LIVEKIT_API_KEY": f"parley-{secrets.token_hex(6)}",
        "LIVEKIT_API_SECRET": secrets.token_hex(32),
        "REDIS_PASSWORD": secrets.token_hex(32),
        "REDIS_AGENT_PASSWORD": secrets.token_hex(32),
        "REDIS_GATEWAY_PASSWORD": secrets.token_hex(32),
        "OPERATOR_KEY": secrets.token_hex(32),
        "GRAFANA_ADMIN_PASSWORD": secrets.token_hex(32),
        "WEBHOOK_SECRET": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }


def filled(template: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The template with these values, and the names of what is still empty."""
    lines, empty = [], []
    for line in template.splitlines():
        name, is_variable, value = line.partition("=")
        if is_variable and not line.startswith("#"):
            value = values.get(name, value)
            empty += [] if value else [name]
            lines.append(f"{name}={value}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n", empty
