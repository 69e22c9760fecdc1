"""What the shopping app reads from the environment; it needs none of it."""

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr

from parley import paths
from parley.settings.source import Env, Section, load
from parley.settings.values import HttpAddress

DEFAULT_TABLE = "orchestrator-requests"


class ShoppingSettings(Section):
    """AWS credentials are read by boto3 itself, from its variables or the machine's role."""

    aws_region: Annotated[str, Env("AWS_REGION")] = Field("", description="of all AWS services")
    dynamodb_table_name: Annotated[str, Env("DYNAMODB_TABLE_NAME")] = Field(
        "", description="where requests are kept; empty: an SQLite file in the state folder"
    )
    media_bucket: Annotated[str, Env("MEDIA_BUCKET")] = Field(
        "", description="S3 bucket of pictures and recordings; empty: the state folder"
    )
    media_service_url: Annotated[HttpAddress, Env("MEDIA_SERVICE_URL")] = Field(
        "", description="has /transcribe and /extract-image-attributes; empty: done here"
    )
    catalog_service_url: Annotated[str, Env("CATALOG_SERVICE_URL")] = Field(
        "", description="has /search and /products/{id}, several with commas; empty: SQLite here"
    )
    bestbuy_api_key: Annotated[SecretStr, Env("BESTBUY_API_KEY")] = Field(
        SecretStr(""), description="searches Best Buy too; empty: not"
    )
    ebay_client_id: Annotated[str, Env("EBAY_CLIENT_ID")] = Field(
        "", description="searches eBay too, with the secret; empty: not"
    )
    ebay_client_secret: Annotated[SecretStr, Env("EBAY_CLIENT_SECRET")] = Field(
        SecretStr(""), description="of EBAY_CLIENT_ID"
    )
    response_composer_url: Annotated[HttpAddress, Env("RESPONSE_COMPOSER_URL")] = Field(
        "", description="has /compose and /rank; empty: done here"
    )


def load_shopping(environ: Mapping[str, str] = os.environ) -> ShoppingSettings:
    """Of the environment, and of `configs/shopping.yaml` where there is one. Raises
    ConfigurationError."""
    return load(ShoppingSettings, paths.config_dir() / "shopping.yaml", environ=environ)
