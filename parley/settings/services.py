"""Settings of the REST services whose operations a model may call."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr

from parley.settings.source import Env, Section
from parley.settings.values import ApiKey, HttpAddress

_DESCRIPTION = "service whose openapi.json is under this address; empty: it is not used"
_TOKEN = "sent to it as a bearer's token"  # noqa: S105 - a description


class ServicesSection(Section):
    """Each is described by an OpenAPI 3 document of its own."""

    cloudapp_url: Annotated[HttpAddress, Env("CLOUDAPP_URL")] = Field("", description=_DESCRIPTION)
    petstore_url: Annotated[HttpAddress, Env("PETSTORE_URL")] = Field("", description=_DESCRIPTION)
    vehicles_url: Annotated[HttpAddress, Env("VEHICLES_URL")] = Field("", description=_DESCRIPTION)
    ml_url: Annotated[HttpAddress, Env("ML_URL")] = Field("", description=_DESCRIPTION)
    cloudapp_token: Annotated[ApiKey, Env("CLOUDAPP_TOKEN")] = Field(
        SecretStr(""), description=_TOKEN
    )
    petstore_token: Annotated[ApiKey, Env("PETSTORE_TOKEN")] = Field(
        SecretStr(""), description=_TOKEN
    )
    vehicles_token: Annotated[ApiKey, Env("VEHICLES_TOKEN")] = Field(
        SecretStr(""), description=_TOKEN
    )
    ml_token: Annotated[ApiKey, Env("ML_TOKEN")] = Field(SecretStr(""), description=_TOKEN)
    timeout_s: float = Field(10.0, gt=0, description="for the whole of an answer")

    @property
    def addresses(self) -> Mapping[str, str]:
        """By name, of those that are used."""
        all_of_them = {
            "cloudapp": self.cloudapp_url,
            "petstore": self.petstore_url,
            "vehicles": self.vehicles_url,
            "ml": self.ml_url,
        }
        return {name: url for name, url in all_of_them.items() if url}

    @property
    def tokens(self) -> Mapping[str, str]:
        """By name, of those that have one."""
        all_of_them = {
            "cloudapp": self.cloudapp_token,
            "petstore": self.petstore_token,
            "vehicles": self.vehicles_token,
            "ml": self.ml_token,
        }
        given = {name: token.get_secret_value() for name, token in all_of_them.items()}
        return {name: token for name, token in given.items() if token}
