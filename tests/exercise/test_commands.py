"""The service's commands, as its owner and its chart run them, and every command of its README."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.answers import WITHOUT_EXAMPLE
from support.baking import ROOT, Bake
from support.process import Server, Service, until
from support.servers import free_port
from support.services import environment

COMMANDS = ["serve", "migrate", "wait-for-schema", "config", "openapi", "smoke"]


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("commands")
    service = Service(installed, {"DATABASE_URL": f"sqlite:///{folder}/db", "APP_SHUTDOWN__DRAIN": "0"})
    service.run("migrate")
    with service.served(folder / "log") as server:
        yield server


@pytest.fixture
def unmigrated(installed: Path, tmp_path: Path) -> Service:
    return Service(installed, {"DATABASE_URL": f"sqlite:///{tmp_path}/db", "APP_SHUTDOWN__DRAIN": "0"})


@pytest.mark.parametrize(
    ("form", "file"), [("md", "docs/configuration.md"), ("env", ".env.example"), ("json-schema", None)]
)
def test_config_prints_the_reference(unmigrated: Service, form: str, file: str | None) -> None:
    printed = unmigrated.run("config", "--format", form).stdout
    if file is None:
        assert "DATABASE_URL" in json.loads(printed)["properties"]
    else:
        assert printed == (unmigrated.folder / file).read_text()


def test_openapi_prints_the_document(unmigrated: Service) -> None:
    document = json.loads(unmigrated.run("openapi").stdout)
    assert document["info"]["title"] == "abx"
    assert "/v1/items" in document["paths"]


def test_each_command_says_what_it_does_and_what_it_takes(unmigrated: Service) -> None:
    listed = unmigrated.run("--help").stdout
    for command in COMMANDS:
        assert f"    {command}" in listed
        description = unmigrated.run(command, "--help").stdout.split("\n\n")[1]
        assert len(description) > 30
    assert "default: 300" in unmigrated.run("wait-for-schema", "--help").stdout


@pytest.mark.parametrize("command", ["serve", "migrate", "wait-for-schema", "openapi"])
def test_a_wrong_configuration_ends_a_command_with_one_line_that_names_every_variable(
    unmigrated: Service, tmp_path: Path, command: str
) -> None:
    (tmp_path / "APP_REDIS__TIMEOUT").write_text("canary")
    wrong = {
        "PORT": "canary",
        "DATABASE_URL": "mysql://user:canary@host/name",
        "APP_LOG__ACCESS": "canary",
        "APP_ADMIN__PROT": "canary",
    }
    result = unmigrated.given(**wrong, APP_SECRETS_DIR=str(tmp_path)).run(command, code=78)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    problems = json.loads(line)["problems"]
    assert set(problems) == {*wrong, "APP_REDIS__TIMEOUT"}
    assert problems["APP_ADMIN__PROT"] == "is not a setting; did you mean APP_ADMIN__PORT?"
    assert "canary" not in line


def test_whoever_waits_for_the_schema_is_told_whether_it_came(unmigrated: Service) -> None:
    waited = unmigrated.run("wait-for-schema", "--timeout", "0.1", code=1)
    assert "The schema was not current within 0.1 s." in waited.stdout
    unmigrated.run("migrate")
    unmigrated.run("wait-for-schema", "--timeout", "0.1")


def test_a_command_that_waits_ends_on_sigterm_also_as_a_container_s_first_process(
    unmigrated: Service, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as stdout:
        process = unmigrated.start("wait-for-schema", stdout=stdout)
    until(lambda: "The schema is behind" in log.read_text(), "its first look")
    process.send_signal(signal.SIGTERM)
    # Not -SIGTERM: that would be the default action, which a first process does not have.
    assert process.wait(30) == 128 + signal.SIGTERM


def test_a_secret_may_come_as_a_file(unmigrated: Service, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/DATABASE_URL").write_text(f"sqlite:///{tmp_path}/from-file\n")
    unmigrated.given(DATABASE_URL="", APP_SECRETS_DIR=str(tmp_path / "secrets")).run("migrate")
    assert (tmp_path / "from-file").exists()


def test_smoke_passes_on_a_healthy_service(server: Server, unmigrated: Service) -> None:
    result = unmigrated.run("smoke", "--url", server.url, "--admin-url", server.admin_url)
    assert result.stdout == "ready: ok\nproblem: ok\n"


def test_smoke_fails_on_a_service_that_is_not_ready(unmigrated: Service, tmp_path: Path) -> None:
    with unmigrated.served(tmp_path / "log", ready=False) as server:
        result = unmigrated.run("smoke", "--url", server.url, "--admin-url", server.admin_url, code=1)
    ready, problem = result.stdout.splitlines()
    assert ready == f"ready: {server.admin_url}/readyz answered 503, for want of: started"
    assert problem == "problem: ok"


def test_smoke_fails_where_nobody_is(unmigrated: Service) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    result = unmigrated.run("smoke", "--url", address, "--admin-url", address, code=1)
    assert result.stdout.count("does not answer: ") == 2
    assert result.stderr == ""


def test_make_docs_leaves_its_files_as_they_were_where_its_command_fails(bake: Bake, tmp_path: Path) -> None:
    service = bake()
    (service / "venv/bin").mkdir(parents=True)
    (service / "venv/installed").touch()
    python = service / "venv/bin/python"
    python.write_text("#!/bin/sh\necho half\nexit $CODE\n")
    python.chmod(0o755)
    before = (service / "docs/configuration.md").read_text()
    make = ["make", "docs", "VENV=venv"]
    for code, after in ((1, before), (0, "half\n")):
        env = environment(tmp_path, CODE=str(code))
        result = subprocess.run(make, cwd=service, env=env, capture_output=True, check=False)
        assert bool(result.returncode) == bool(code)
        assert (service / "docs/configuration.md").read_text() == after


def blocks(document: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a document's console blocks, each with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", document, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def untrue(document: str, server: Server) -> list[str]:
    """Run the commands that ask the service, in one shell, and return what they did not print. `…` is anything."""
    asked = [(command, lines) for command, lines in blocks(document) if "curl" in command]
    assert asked
    script = "".join(f"{command}\necho; echo ---\n" for command, _ in asked)
    for port, real in (("8000", server.port), ("9090", server.admin_port)):
        script = script.replace(f"127.0.0.1:{port}", f"127.0.0.1:{real}")
    result = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    found = []
    for (command, lines), printed in zip(asked, result.stdout.split("\n---\n"), strict=False):
        for line in lines:
            pattern = ".*".join(map(re.escape, line.split("…")))
            if not re.search(f"^{pattern}\r?$", printed, re.M):
                found.append(f"{command}: {line}\n{printed}")
    return found


def others(document: str) -> set[str]:
    return {command.split("  #")[0].strip() for command, _ in blocks(document) if "curl" not in command}


@pytest.mark.parametrize("answers", [{}, WITHOUT_EXAMPLE], ids=["with the example", "without"])
def test_every_command_of_the_services_readme_prints_what_it_says(
    bake: Bake, server: Server, answers: dict[str, str]
) -> None:
    readme = (bake(**answers) / "README.md").read_text()
    assert untrue(readme, server) == []
    # Proven elsewhere: by test_run, by test_service, by test_growth, and by the template's own README.
    assert others(readme) == {
        "make run",
        "make test",
        "make feature name=orders",
        *(() if answers else ("make remove-example",)),
        "make update",
    }


def test_what_a_readme_says_wrongly_is_found(server: Server) -> None:
    said = "```console\n$ curl -i 127.0.0.1:8000/no-such-path\nHTTP/1.1 200 OK\n```\n"
    assert len(untrue(said, server)) == 1
    assert untrue(said.replace("200 OK", "404 …"), server) == []


def test_every_make_target_that_a_document_names_is_there(bake: Bake) -> None:
    service = bake()
    documents = (service / "README.md").read_text() + (ROOT / "docs/upgrading.md").read_text()
    named = set(re.findall(r"`?make ([a-z-]+)\b", documents))
    makefile = (service / "Makefile").read_text()
    assert named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.M)] == []
