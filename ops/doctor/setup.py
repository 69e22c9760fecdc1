"""Whether the set-up can work here: what `./run doctor` shows, and `./run up` refuses without.

Both ask the same checks, so that neither finds what the other passes.
"""

from collections.abc import Iterable, Iterator

from ops.doctor.configuration import check_agreement
from ops.doctor.finding import Finding, Level
from ops.doctor.speech_setup import check_speech
from ops.doctor.surroundings import check_surroundings
from ops.supervisor.apps import CheckedAgent
from ops.supervisor.configuration import Configuration
from parley.errors import ConfigurationError


def check_setup(
    configuration: Configuration, agents: Iterable[CheckedAgent] = ()
) -> Iterator[Finding]:
    """All but the folders, which are looked at before the configuration can be read. `agents`:
    those of the apps."""
    yield from check_agreement(configuration)
    yield from check_speech(configuration, agents)
    yield from check_surroundings(configuration)


def refuse_problems(findings: Iterable[Finding]) -> None:
    """Raises ConfigurationError with a sentence for each problem among the findings."""
    problems = [found for found in findings if found.level is Level.PROBLEM]
    if problems:
        raise ConfigurationError(
            "\n".join(f"{found.subject}: {found.detail}: {found.remedy}" for found in problems)
        )
