import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=int, default=2, help="how long to soak; at least 2: the first one warms")


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> int:
    found = int(request.config.getoption("--minutes"))
    assert found >= 2, f"--minutes={found}: the first minute warms the service, so there must be a second"
    return found
