"""`python -m apps.shopping.storage.create_table`: makes the DynamoDB table of the settings."""

import argparse
import sys

from apps.shopping.faults import ShoppingError
from apps.shopping.settings import DEFAULT_TABLE, load_shopping
from apps.shopping.storage.dynamodb import create_table
from parley.errors import ConfigurationError
from parley.program import reported


def main(arguments: list[str] | None = None) -> int:
    """0 once the table is there, whoever has made it."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.shopping.storage.create_table",
        description="Makes the table DYNAMODB_TABLE_NAME in AWS_REGION, where it is not there.",
    )
    parser.parse_args(arguments)
    settings = load_shopping()
    table = settings.dynamodb_table_name or DEFAULT_TABLE
    try:
        made = create_table(table, settings.aws_region)
    except ShoppingError as error:
        raise ConfigurationError(f"table {table}: {error.message}") from error
    print(f"{table}: {'made' if made else 'was there already'}")
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))
