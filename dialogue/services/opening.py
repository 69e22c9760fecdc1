"""The services that the settings name."""

from collections.abc import Callable

from dialogue.services.pool import CallGuard
from dialogue.services.services import Services, ServiceSpec
from parley.settings.services import ServicesSection


def open_services(
    settings: ServicesSection, *, breaker: Callable[[str], CallGuard] | None = None
) -> Services | None:
    """Not started yet; who opens them closes them. None: the settings name none."""
    specs = [
        ServiceSpec(
            name=name,
            url=url,
            token=settings.tokens.get(name, ""),
            timeout_s=settings.timeout_s,
        )
        for name, url in settings.addresses.items()
    ]
    return Services(specs, breaker=breaker) if specs else None
