"""Which languages a model speaks or hears."""

from parley.models.manifest import ModelSpec, manifest

_MANY = "mul"
_WHISPER = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he "
    "hi hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne "
    "nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk "
    "ur uz vi yi yo zh yue"
)
"""As its tokenizer has them; a test compares."""


def base_code(code: str) -> str:
    """The language of a code: "de" of "de-DE", "de_AT" or "DE"."""
    return code.strip().replace("_", "-").partition("-")[0].lower()


def recognized_languages(model: ModelSpec) -> tuple[str, ...]:
    """The codes that recognition with this Whisper model can be told to hear."""
    if _MANY in model.languages:
        return tuple(_WHISPER.split())
    return tuple(map(base_code, model.languages))


def languages_of(voice: str) -> tuple[str, ...]:
    """Of a voice of the manifest, as BCP 47 tags; none where it is not known there."""
    spec = manifest().get(voice)
    return spec.languages if spec is not None and _MANY not in spec.languages else ()
