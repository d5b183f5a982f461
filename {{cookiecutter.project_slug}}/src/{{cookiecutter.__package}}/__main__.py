# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The commands of the service. Each imports what it needs itself, so that a wrong setting is told at once."""

import argparse
import signal
import sys
from collections.abc import Callable

from .runtime.loader import EX_CONFIG, ConfigurationError, load_settings
from .settings import Settings


def serve(arguments: argparse.Namespace) -> int:
    """Answer requests until SIGTERM or Ctrl-C.

    SIGTERM starts a drain, which ends with 0; a second one, or Ctrl-C, ends it sooner. The schema must be current.
    """
    from .app import create_app
    from .runtime.serve import serve

    return serve(load_settings(Settings), create_app)


def migrate(arguments: argparse.Namespace) -> int:
    """Bring the database's schema to the newest revision.

    Safe to run by several at once: one migrates, the others wait. Run it in the folder that has migrations/.
    """
    from .runtime.database.migrate import migrate
    from .runtime.serve import logging_configured

    settings = load_settings(Settings)
    with logging_configured(settings):
        migrate(settings.database, settings.current_secret("DATABASE_URL"))
    return 0


def wait_for_schema(arguments: argparse.Namespace) -> int:
    """Wait until the database's schema is what this version needs, or newer.

    Ends with 1 if it is not in time.
    """
    from .runtime.database.schema import wait_for_schema
    from .runtime.serve import logging_configured

    settings = load_settings(Settings)
    with logging_configured(settings):
        return (
            0 if wait_for_schema(settings.database, settings.current_secret("DATABASE_URL"), arguments.timeout) else 1
        )


def config(arguments: argparse.Namespace) -> int:
    """Print the reference of all settings.

    As Markdown, as an .env file in which every line is a comment, or as JSON Schema. It reads no setting itself.
    """
    from .runtime import reference

    formats = {"md": reference.as_markdown, "env": reference.as_env, "json-schema": reference.as_json_schema}
    sys.stdout.write(formats[arguments.format](Settings))
    return 0


def openapi(arguments: argparse.Namespace) -> int:
    """Print the OpenAPI document as JSON."""
    import json

    from .app import create_app

    sys.stdout.write(json.dumps(create_app(load_settings(Settings)).openapi(), indent=2) + "\n")
    return 0


def smoke(arguments: argparse.Namespace) -> int:
    """Ask a running service whether it is ready and answers as promised.

    Prints a line for each check, and ends with 1 if one failed.
    """
    from .runtime.smoke import smoke

    return smoke(arguments.url, arguments.admin_url)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        epilog="Those that need settings end with 78 if one is wrong; `config` lists them.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        summary, _, rest = (run.__doc__ or "").partition("\n")
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary} {' '.join(rest.split())}",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    add("serve", serve)
    add("migrate", migrate)
    waiting = add("wait-for-schema", wait_for_schema)
    waiting.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="how long to wait")
    printing = add("config", config)
    printing.add_argument("--format", choices=["md", "env", "json-schema"], default="md", help="what to print")
    add("openapi", openapi)
    smoking = add("smoke", smoke)
    smoking.add_argument("--url", default="http://127.0.0.1:8000", help="the service")
    smoking.add_argument("--admin-url", default="http://127.0.0.1:9090", help="its probes and metrics")
    arguments = parser.parse_args()
    # A container's first process has no default action: without a handler it would ignore SIGTERM. `serve` has its own.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        code: int = arguments.run(arguments)
    except ConfigurationError as error:
        print(error.line(), file=sys.stderr)
        return EX_CONFIG
    return code


if __name__ == "__main__":
    sys.exit(main())
