"""Whether voices, recognition and languages fit: the engines, each other, and the agents."""

from collections.abc import Iterable, Iterator

from dialogue.text.languages import check_languages
from ops.doctor.finding import Finding, Level, problem, warning
from ops.supervisor.apps import CheckedAgent
from ops.supervisor.configuration import Configuration
from parley import models
from parley.errors import ModelError
from parley.models import ModelSpec, languages_of
from parley.models.languages import base_code, recognized_languages
from parley.settings.engines import ASR_MODELS, AUTO, MANIFEST_VOICES, OWN_ENGINES, names

_SPEAK = "set tts.default_model (DEFAULT_MODEL) to a voice of it: ./run voices list --all"
_HEAR = "set asr.model of worker.yaml to one of its models"
_SHOWN = 12


def check_speech(
    configuration: Configuration, agents: Iterable[CheckedAgent] = ()
) -> Iterator[Finding]:
    """`agents`: who may speak; their own voices and languages count."""
    yield from _voices(configuration)
    yield from _own_voices(configuration, agents)
    if configuration.orchestrator.asr.enabled:
        unheard = list(_recognition(configuration))
        yield from unheard
        if any(found.level is Level.PROBLEM for found in unheard):
            return
    yield from _languages(configuration, agents)


def _voices(configuration: Configuration) -> Iterator[Finding]:
    wanted, worker = configuration.orchestrator.tts.default_model, configuration.worker.tts
    if wanted != worker.default_model:
        # Ready is who has the voice of calls in memory: workers of this machine alone never are.
        is_lost = configuration.tts_is_local
        yield (problem if is_lost else warning)(
            "voice",
            f"the agent asks for {wanted} (orchestrator.yaml), the worker loads "
            f"{worker.default_model} (worker.yaml)",
            "set tts.default_model to the same in both (DEFAULT_MODEL does)",
        )
    if worker.adapter in MANIFEST_VOICES:
        yield from _unfit("voice", worker.default_model, "voice", (worker.adapter,), _SPEAK)
        for name in configuration.orchestrator.tts.voices if configuration.tts_is_local else ():
            remedy = "take it from tts.voices: ./run voices list --all names those there are"
            yield from _unfit("tts.voices", name, "voice", (worker.adapter,), remedy)


def _own_voices(configuration: Configuration, agents: Iterable[CheckedAgent]) -> Iterator[Finding]:
    adapter = configuration.worker.tts.adapter
    if adapter not in MANIFEST_VOICES or not configuration.tts_is_local:
        return
    for agent in agents:
        if agent.voice:
            remedy = f"name a voice of {adapter}: ./run voices list --all"
            yield from _unfit(f"voice of {agent.name}", agent.voice, "voice", (adapter,), remedy)


def _recognition(configuration: Configuration) -> Iterator[Finding]:
    worker, settings = configuration.asr_worker, configuration.orchestrator.asr
    if settings.adapter not in (AUTO, *names("asr")):
        yield warning(
            "recognition",
            f"asr.adapter (orchestrator.yaml) is {settings.adapter!r}, which no engine here is "
            "called",
            f"it may be elsewhere; here there are {', '.join(names('asr'))}",
        )
    if worker.engine not in OWN_ENGINES["asr"]:
        return
    model = worker.engine_model
    runs = models.find(ASR_MODELS[worker.engine]).engine
    unfit = list(_unfit("recognition", model, "recognition", (runs,), _HEAR))
    yield from unfit
    if unfit:
        return
    if worker.engine == "moonshine" and worker.device == "cuda":
        yield problem(
            "recognition",
            "asr.adapter of worker.yaml (ASR_ADAPTER) is moonshine, which computes on CPUs only, "
            "and asr.device (ASR_DEVICE) is cuda",
            "set the adapter to whisper, or the device to auto",
        )
    known = recognized_languages(models.find(model))
    wanted = {"orchestrator.yaml": settings.language, "worker.yaml": worker.language}
    for file, language in wanted.items():
        if base_code(language) not in known and (
            file == "worker.yaml" or configuration.asr_is_local
        ):
            more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
            yield problem(
                "recognition",
                f"asr.language of {file} is {language!r}, which {model} does not hear",
                f"it hears {', '.join(known[:_SHOWN])}{more}; set asr.adapter to whisper and "
                "asr.model to whisper-base for others",
            )


def _unfit(
    subject: str, name: str, kind: str, engines: tuple[str, ...], remedy: str
) -> Iterator[Finding]:
    try:
        spec: ModelSpec = models.find(name)
    except ModelError as error:
        yield problem(subject, str(error), "name one that is known (DEFAULT_MODEL, configs/)")
        return
    if spec.kind != kind or spec.engine not in engines:
        what = {
            "voice": "a voice",
            "voices": "the network and no voice",
            "recognition": "for recognition",
            "llm": "a language model",
        }
        found = what.get(spec.kind, "a model")
        detail = f"{name} is {found} of {spec.engine}, not what {engines[0]} runs"
        yield problem(subject, detail, remedy)


def _languages(configuration: Configuration, agents: Iterable[CheckedAgent]) -> Iterator[Finding]:
    settings = configuration.orchestrator
    hears = settings.asr.language if settings.asr.enabled else ""
    told: dict[str, None] = {}
    for agent in [*agents] or [CheckedAgent(name="", language=None, voice=None)]:
        voice = agent.voice or settings.tts.default_model
        told |= dict.fromkeys(check_languages(hears, agent.language, languages_of(voice)))
    for sentence in told:
        yield warning("language", sentence, "docs/languages.md says what belongs to a language")
