"""The commands of the service. Each imports what it needs itself, so that a wrong setting is told at once."""

import argparse
import sys
from collections.abc import Callable

from .runtime.loader import EX_CONFIG, ConfigurationError, load_settings
from .settings import Settings


def serve(arguments: argparse.Namespace) -> int:
    """Answer requests until SIGTERM or Ctrl-C."""
    from .app import create_app
    from .runtime.serve import serve

    return serve(load_settings(Settings), create_app)


def migrate(arguments: argparse.Namespace) -> int:
    """Bring the database's schema to the newest revision."""
    from .runtime.database.migrate import migrate
    from .runtime.serve import logging_configured

    settings = load_settings(Settings)
    with logging_configured(settings):
        migrate(settings.database, settings.current_secret("DATABASE_URL"))
    return 0


def wait_for_schema(arguments: argparse.Namespace) -> int:
    """Wait until the database's schema is what this version needs."""
    from .runtime.database.migrate import wait_for_schema
    from .runtime.serve import logging_configured

    settings = load_settings(Settings)
    with logging_configured(settings):
        return (
            0 if wait_for_schema(settings.database, settings.current_secret("DATABASE_URL"), arguments.timeout) else 1
        )


def config(arguments: argparse.Namespace) -> int:
    """Print the reference of all settings."""
    from .runtime import reference

    formats = {"md": reference.as_markdown, "env": reference.as_env, "json-schema": reference.as_json_schema}
    sys.stdout.write(formats[arguments.format](Settings))
    return 0


def openapi(arguments: argparse.Namespace) -> int:
    """Print the OpenAPI document."""
    import json

    from .app import create_app

    sys.stdout.write(json.dumps(create_app(load_settings(Settings)).openapi(), indent=2) + "\n")
    return 0


def smoke(arguments: argparse.Namespace) -> int:
    """Ask a running service whether it is ready and answers as promised."""
    from .runtime.smoke import smoke

    return smoke(arguments.url, arguments.admin_url)


def main() -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        return command

    add("serve", serve)
    add("migrate", migrate)
    add("wait-for-schema", wait_for_schema).add_argument("--timeout", type=float, default=300, help="seconds")
    add("config", config).add_argument("--format", choices=["md", "env", "json-schema"], default="md")
    add("openapi", openapi)
    smoke_command = add("smoke", smoke)
    smoke_command.add_argument("--url", default="http://127.0.0.1:8000")
    smoke_command.add_argument("--admin-url", default="http://127.0.0.1:9090")
    arguments = parser.parse_args()
    try:
        code: int = arguments.run(arguments)
    except ConfigurationError as error:
        print(error.line(), file=sys.stderr)
        return EX_CONFIG
    return code


if __name__ == "__main__":
    sys.exit(main())
