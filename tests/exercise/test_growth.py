"""A service grows by its own commands: it passes its check and its tests each time, and no database is left behind."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx2

from support.answers import SHORTEST
from support.baking import Bake
from support.git import begin
from support.process import Service
from support.services import environment, install_by_uv, interpreter

MIGRATIONS = "tests/unit/runtime/database/test_migrate.py"
MODELS = f"{MIGRATIONS}::test_migrations_lead_up_and_down_and_to_what_the_models_say"


class Grower:
    """Somebody in an installed service, with a database that has everything of before."""

    def __init__(self, service: Path, home: Path) -> None:
        self.service = service
        self.database = home / "service.db"
        self._env = environment(home, DATABASE_URL=f"sqlite:///{self.database}")
        self.running = Service(
            service,
            {"DATABASE_URL": f"sqlite:///{self.database}", "APP_SHUTDOWN__DRAIN": "0", "APP_HTTP__DOCS": "true"},
        )

    def run(self, *command: str, **variables: str) -> str:
        result = subprocess.run(
            command, cwd=self.service, env=self._env | variables, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def make(self, *arguments: str) -> str:
        return self.run("make", *arguments)

    def test(self, migrations: str, **variables: str) -> set[str]:
        """Run the tests that know features, and return which files were run and, as "skipped", whether any was not."""
        features = [f"tests/unit/{path.name}" for path in (self.service / "tests/unit").glob("[!r]*")]
        # The rest is the runtime's own; test_service runs all.
        selected = " ".join(["tests/architecture", "tests/contract/test_docs.py", *features, migrations])
        printed = self.run("make", "test", PYTEST_ADDOPTS=selected, **variables)
        return {word for word in printed.split() if word.endswith(".py") or word == "skipped"}

    def commit(self) -> None:
        begin(self.service, "All")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.service / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def tables(self) -> set[str]:
        with closing(sqlite3.connect(self.database)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def tour(url: str) -> None:
    """What callers do with a feature, briefly: the example's own tests go further."""
    created = httpx2.post(url, json={"name": "Tea"})
    place = f"{url}/{created.json()['id']}"
    assert created.status_code == 201
    assert place.endswith(created.headers["location"])
    again = httpx2.post(url, json={"name": "Tea"})
    assert (again.status_code, again.json()["detail"][:8]) == (409, "Another ")
    changed = httpx2.patch(place, json={"name": "Coffee"}, headers={"If-Match": created.headers["etag"]})
    assert changed.json()["name"] == "Coffee"
    assert httpx2.delete(place, headers={"If-Match": changed.headers["etag"]}).status_code == 204
    gone = httpx2.get(place)
    assert (gone.status_code, gone.json()["detail"][:12]) == (404, "There is no ")


def test_it_takes_features_in_and_the_example_out(
    bake: Bake, tmp_path: Path, postgresql_url: str, redis_url: str
) -> None:
    service = bake(**SHORTEST)
    python = interpreter("python3.11")
    install_by_uv(service, python, environment(tmp_path))
    person = Grower(service, tmp_path)
    person.make("migrate")
    person.commit()

    # Two features, in a database that is there already.
    person.make("feature", "name=orders")
    assert "'line of an order'" in person.make("feature", "name=order-lines", "one=line-of-an-order")
    person.make("check")
    files = {f"tests/unit/{name}/test_routes.py" for name in ("orders", "order_lines")} | {MIGRATIONS}
    assert files <= person.test(MODELS)
    person.make("migrate")
    with person.running.served(tmp_path / "grown.log") as server:
        tour(f"{server.url}/v1/orders")
        tour(f"{server.url}/v1/order-lines")
        left = httpx2.post(f"{server.url}/v1/items", json={"name": "Tea"})
        assert left.status_code == 201
        assert {"orders", "order-lines", "items"} <= documented(server.url)

    # A field of one's own.
    person.edit(
        "src/abx/orders/models.py",
        "    version:",
        "    note: str | None = Field(default=None, max_length=20)\n    version:",
    )
    person.make("migration", "message=add note")
    assert (service / "migrations/versions/0005_add_note.py").exists()
    person.commit()

    # The example's code goes; its table stays, until it is dropped on purpose.
    person.make("remove-example")
    person.make("migrate")
    assert {"item", "order", "line_of_an_order"} <= person.tables()
    with person.running.served(tmp_path / "without.log") as server:
        tour(f"{server.url}/v1/orders")
        assert httpx2.get(f"{server.url}/v1/items").status_code == 404
        assert "items" not in documented(server.url)
    person.make("migration", "message=add nothing")
    assert "pass" in (service / "migrations/versions/0006_add_nothing.py").read_text()
    (service / "migrations/versions/0006_add_nothing.py").unlink()
    printed = person.make("migration", "message=drop items", "drop=yes")
    assert "0006_drop_items.py" in printed
    servers = {"TEST_DATABASE_URL": postgresql_url, "TEST_REDIS_URL": redis_url}
    tested = person.test(MIGRATIONS, **servers)
    assert files <= tested
    assert not {"skipped", "tests/unit/items/test_routes.py"} & tested
    person.make("migrate")
    assert "item" not in person.tables()

    # Why the example's revision stays: a database that has it would count as a later version's.
    newest = service / "migrations/versions/0006_drop_items.py"
    newest.rename(newest.with_name("0006_renumbered.py"))
    person.edit("migrations/versions/0006_renumbered.py", '"0006"', '"0007"')
    assert "ahead of this version" in person.make("migrate")


def documented(url: str) -> set[str]:
    paths = httpx2.get(f"{url}/openapi.json").json()["paths"]
    return {path.split("/")[2] for path in paths if path.startswith("/v1/")}
