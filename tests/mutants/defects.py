"""The defects. Each names the one check that is meant to find it, and what that check then says."""

from dataclasses import dataclass

from support.baking import TEMPLATE

T = TEMPLATE.name
CHART = f"{T}/charts/{{{{cookiecutter.project_slug}}}}"
PACKAGE = f"{T}/src/{{{{cookiecutter.__package}}}}"
SERVICE = "service: "
"""Begins the name of a check of the service's own."""


@dataclass(frozen=True)
class Defect:
    name: str
    file: str
    """In this checkout; a service is baked of it where the check is a service's own."""
    find: str
    """A regular expression, whose first match is replaced."""
    put: str
    check: str
    says: str
    """A regular expression for what the check says, so that it fails for this reason and for no other."""
    removes: bool = False
    """The whole file is taken away."""


RENDER = "tests/bake/test_render.py"
ANSWERS = "tests/bake/test_answers.py"
REPOSITORY = "tests/bake/test_repository.py"
CHARTS = "tests/contract/test_chart.py"
BOTH = "tests/contract/test_chart_and_service.py"

DEFECTS = [
    # What a bake is made of.
    Defect(
        "a stray brace",
        f"{T}/compose.yaml",
        r"\Z",
        "# {{ '{{' }} cookiecutter }}\n",
        f"{RENDER}::test_nothing_of_the_template_is_left",
        r"compose\.yaml",
    ),
    Defect(
        "an answer that is not quoted in YAML",
        f"{T}/catalog-info.yaml",
        r'description: ".*"$',
        "description: {{ cookiecutter.description }}",
        f"{RENDER}::test_every_file_parses",
        r"yaml\.",
    ),
    Defect(
        "an answer that is not escaped in TOML",
        f"{T}/pyproject.toml",
        r"cookiecutter\.__description",
        "cookiecutter.description",
        f"{RENDER}::test_every_file_parses",
        r"TOMLDecodeError",
    ),
    Defect(
        "an answer that arrives changed",
        f"{T}/Dockerfile",
        r'title="\{\{ cookiecutter\.__title .*?\}\}"',
        'title="{{ cookiecutter.__title | upper }}"',
        f"{RENDER}::test_every_answer_arrives_as_it_was_given",
        r"image\.title",
    ),
    Defect(
        "an unformatted line",
        f"{PACKAGE}/app.py",
        r"    return app$",
        "    return (app)",
        f"{RENDER}::test_it_lints_and_is_formatted",
        r"app\.py",
    ),
    Defect(
        "an import that nobody uses",
        f"{T}/tests/conftest.py",
        r"^import asyncio$",
        "import asyncio\nimport base64",
        f"{RENDER}::test_it_lints_and_is_formatted",
        r"base64",
    ),
    Defect(
        "a name in an import that is longer than a line for some",
        f"{T}/tests/contract/test_docs.py",
        r"^from \{\{ cookiecutter\.__package \}\}\.(\S+) import \(\n    (\w+),\n\)$",
        "from {{ cookiecutter.__package }}.runtime.observability.watchdog import Watchdog as WatchdogOfTheEventLoop",
        f"{RENDER}::test_it_lints_and_is_formatted",
        r"test_docs\.py",
    ),
    Defect(
        "a bake that depends on the time",
        f"{T}/README.md",
        r"\Z",
        "{% now 'utc', '%Y-%m-%d %H:%M:%S.%f' %}\n",
        f"{RENDER}::test_two_bakes_are_the_same",
        r"README\.md",
    ),
    Defect(
        "an address of the example outside its condition",
        f"{T}/README.md",
        r"\Z",
        "See /v1/items.\n",
        f"{RENDER}::test_the_example_leaves_no_trace_where_it_is_refused",
        r"README\.md",
    ),
    Defect(
        "a version of the template that lags behind",
        f"{PACKAGE}/runtime/VERSION",
        r".+",
        "0.0.9",
        f"{RENDER}::test_the_template_version_is_the_same_wherever_it_stands",
        r"0\.0\.9",
    ),
    Defect(
        "a package without its hashes",
        f"{T}/requirements.lock",
        r"^(redis==\S+) (?:\\\n\s+--hash=\S+ ?)+$",
        "redis==8.1.0",
        f"{RENDER}::test_every_locked_package_has_its_hashes",
        r"redis==8\.1\.0",
    ),
    # The hooks.
    Defect(
        "a hook that writes a file",
        "hooks/post_gen_project.py",
        r"^if not INCLUDE_EXAMPLE:",
        'Path("made.txt").write_text("by a hook")\nif not INCLUDE_EXAMPLE:',
        f"{RENDER}::test_without_hooks_the_service_is_whole",
        r"made\.txt",
    ),
    Defect(
        "a hook that starts a process",
        "hooks/post_gen_project.py",
        r"^import shutil$",
        "import shutil\nimport subprocess",
        f"{ANSWERS}::test_the_hooks_need_nothing_but_a_few_modules_of_the_standard_library",
        r"subprocess",
    ),
    Defect(
        "a slug that is too long",
        "hooks/pre_gen_project.py",
        r"\{2,39\}",
        "{2,49}",
        f"{ANSWERS}::test_a_wrong_answer_is_refused_with_its_remedy",
        r"DID NOT RAISE",
    ),
    Defect(
        "a hook that tells one problem at a time",
        "hooks/pre_gen_project.py",
        r"^    return found\n\n\nif found",
        "    return found[:1]\n\n\nif found",
        f"{ANSWERS}::test_all_problems_are_told_at_once",
        r"  - ",
    ),
    Defect(
        "a name of a package that a service may take",
        "hooks/pre_gen_project.py",
        r'"redis", ',
        "",
        f"{ANSWERS}::test_no_service_can_take_the_name_of_a_package_that_it_installs",
        r"redis",
    ),
    Defect(
        "a pattern for portals that is not the hook's",
        "SECURITY.md",
        r"\{2,39\}",
        "{2,63}",
        f"{ANSWERS}::test_the_patterns_for_portals_are_those_of_the_hook",
        r"SLUG",
    ),
    # The rules of the repository.
    Defect(
        "Jinja in the service's code",
        f"{PACKAGE}/app.py",
        r"\Z",
        "\n# {{ cookiecutter.project_name }}\n",
        f"{REPOSITORY}::test_every_committed_file_keeps_the_rules",
        r"Jinja under src",
    ),
    Defect(
        "a host of packages",
        f"{T}/requirements.lock",
        r"\A",
        "--index-url https://py" + "pi.org/simple\n",
        f"{REPOSITORY}::test_every_committed_file_keeps_the_rules",
        r"requirements\.lock",
    ),
    Defect(
        "a link that leads nowhere",
        "README.md",
        r"\(CHANGELOG\.md\)",
        "(CHANGES.md)",
        f"{REPOSITORY}::test_every_link_of_a_document_leads_somewhere",
        r"CHANGES\.md",
    ),
    Defect(
        "a target that make does not list",
        f"{T}/Makefile",
        r"^check: (.*?) ##.*$",
        "check: $(VENV)/installed",
        f"{REPOSITORY}::test_make_alone_lists_every_target",
        r"check",
    ),
    Defect(
        "a command in the README that no test runs",
        "README.md",
        r"^\$ make test .*$",
        "$ make testify",
        "tests/exercise/test_readme.py::test_every_command_of_the_readme_is_run_by_a_test",
        r"make testify",
    ),
    # The chart.
    Defect(
        "a template without its purpose",
        f"{CHART}/templates/pdb.yaml",
        r"\A\{\{- /\*[^*]*\*/\}\}",
        "{{- /* */}}",
        f"{CHARTS}::test_every_template_opens_with_its_purpose",
        r"pdb\.yaml",
    ),
    Defect(
        "a pod that may be root",
        f"{CHART}/values.yaml",
        r"^  runAsNonRoot: true$",
        "  runAsNonRoot: false",
        f"{CHARTS}::test_every_pod_is_restricted",
        r"may be root",
    ),
    Defect(
        "a value that the chart's page does not have",
        f"{CHART}/values.yaml",
        r"^replicaCount: 2$",
        "replicaCount: 3",
        f"{CHARTS}::test_the_readme_says_what_the_values_say",
        r"`3`",
    ),
    Defect(
        "a value that nobody explains",
        f"{CHART}/values.yaml",
        r"^# -- null leaves the number to somebody else, as KEDA\n",
        "",
        f"{CHARTS}::test_every_value_is_explained",
        r"replicaCount",
    ),
    Defect(
        "a template that asks the cluster",
        f"{CHART}/templates/pdb.yaml",
        r"^spec:$",
        'spec: {{- lookup "v1" "Pod" "" "" | len | toString | trunc 0 }}',
        f"{CHARTS}::test_the_templates_depend_on_the_values_alone",
        r"pdb\.yaml",
    ),
    Defect(
        "a schema that takes misspelt values",
        f"{CHART}/values.schema.json",
        r'^  "additionalProperties": false,$',
        '  "additionalProperties": true,',
        f"{CHARTS}::test_a_misspelt_value_is_an_error_wherever_keys_are_listed",
        r"enabled, global",
    ),
    Defect(
        "a selector that also selects the migration's pods",
        f"{CHART}/templates/_names.tpl",
        r"^app\.kubernetes\.io/component: \{\{ \.component \}\}\n",
        "",
        "tests/contract/test_selectors.py::test_every_selector_selects_the_pods_of_its_own_component",
        r"selects",
    ),
    Defect(
        "a budget that blocks every drain",
        f"{CHART}/templates/pdb.yaml",
        r"maxUnavailable: \{\{ \.maxUnavailable \}\}",
        "minAvailable: {{ .maxUnavailable }}",
        f"{CHARTS}::test_the_suites_pass",
        r"pdb",
    ),
    # What the chart and the service agree on.
    Defect(
        "a probe that asks for a renamed path",
        f"{CHART}/templates/deployment.yaml",
        r'"liveness" "/livez"',
        '"liveness" "/healthz"',
        f"{BOTH}::test_every_probe_and_the_metrics_are_answered",
        r"404|healthz",
    ),
    Defect(
        "a variable that is no setting",
        f"{CHART}/templates/_pod.tpl",
        r'"APP_ADMIN__PORT"',
        '"APP_ADMIN_PORT"',
        f"{BOTH}::test_every_variable_that_the_chart_sets_is_a_setting",
        r"APP_ADMIN_PORT",
    ),
    Defect(
        "a grace period that is shorter than the drain",
        f"{CHART}/templates/deployment.yaml",
        r"\.requests \.telemetry 10",
        ".requests 10",
        f"{BOTH}::test_the_grace_period_covers_the_drain",
        r"grace\(",
    ),
    Defect(
        "an alert on a metric that the service does not have",
        f"{CHART}/files/alerts/service.yaml",
        r"event_loop_blocked_total",
        "event_loop_stuck_total",
        f"{BOTH}::test_alerts_and_dashboards_ask_for_metrics_that_the_service_has",
        r"event_loop_stuck",
    ),
    # What a service's own tests are meant to find.
    Defect(
        "a feature that commits",
        f"{PACKAGE}/items/service.py",
        r"    await session\.delete\(item\)$",
        "    await session.delete(item)\n    await session.commit()",
        f"{SERVICE}tests/architecture/test_layers.py::test_the_rule_is_kept",
        r"commit",
    ),
    Defect(
        "SQL in a route",
        f"{PACKAGE}/items/routes.py",
        r"^import orjson$",
        "import orjson\nimport sqlalchemy",
        f"{SERVICE}tests/architecture/test_layers.py::test_the_rule_is_kept",
        r"sqlalchemy",
    ),
    Defect(
        "a runtime that knows a feature",
        f"{PACKAGE}/runtime/health.py",
        r"^from \.state import State$",
        "from ..items import service\nfrom .state import State",
        f"{SERVICE}tests/architecture/test_layers.py::test_the_rule_is_kept",
        r"items",
    ),
    Defect(
        "a renamed route",
        f"{PACKAGE}/items/routes.py",
        r'prefix="/items"',
        'prefix="/things"',
        f"{SERVICE}tests/unit/items/test_routes.py::test_a_new_item_is_found_where_location_says",
        r"404",
    ),
    Defect(
        "a stale If-Match that wins",
        f"{PACKAGE}/runtime/http/preconditions.py",
        r"and str\(version\) not in tags",
        "and not tags",
        f"{SERVICE}tests/unit/items/test_routes.py::test_a_stale_etag_never_wins",
        r"412",
    ),
    Defect(
        "a liveness that fails while draining",
        f"{PACKAGE}/runtime/admin.py",
        r'failures = \["event loop"\] if lag > self\._settings\.admin\.liveness_max_lag else \[\]',
        'failures = ["event loop"] if self._health.state.draining else []',
        f"{SERVICE}tests/unit/runtime/test_admin.py",
        r"livez|503",
    ),
    Defect(
        "a commit after the answer",
        f"{PACKAGE}/runtime/database/session.py",
        r'scope="function"',
        'scope="request"',
        f"{SERVICE}tests/unit/runtime/database/test_session.py::test_the_commit_comes_before_the_answer",
        r"stored_at_start",
    ),
    Defect(
        "a renamed metric",
        f"{PACKAGE}/runtime/observability/metrics.py",
        r'"http_server_active_requests"',
        '"http_server_requests_active"',
        f"{SERVICE}tests/contract/test_metrics.py",
        r"http_server_active_requests",
    ),
    Defect(
        "a setting that its reference does not have",
        f"{PACKAGE}/settings.py",
        r'^    """A field',
        '    greeting: str = "Hello"\n    """A field',
        f"{SERVICE}tests/contract/test_configuration.py",
        r"APP_GREETING|make docs",
    ),
    Defect(
        "API docs in production",
        f"{PACKAGE}/runtime/config.py",
        r'self\.env == "local" if self\.http\.docs is None else self\.http\.docs',
        "True",
        f"{SERVICE}tests/unit/runtime/test_config.py::test_the_docs_are_on_where_asked_for_or_local",
        r"docs_enabled",
    ),
    Defect(
        "a migrator that does not wait for another",
        f"{PACKAGE}/runtime/database/migrate.py",
        r"pg_try_advisory_lock\(:key\)",
        "pg_try_advisory_lock(pg_backend_pid() + :key)",
        f"{SERVICE}tests/unit/runtime/database/test_migrate.py::test_another_migration_is_waited_for_in_bounds",
        r"DID NOT RAISE",
    ),
    Defect(
        "a model without its migration",
        f"{PACKAGE}/items/models.py",
        r"^    name: str",
        "    colour: str = Field(max_length=20)\n    name: str",
        f"{SERVICE}tests/unit/runtime/database/test_migrate.py::test_migrations_lead_up_and_down_and_to_what_the_models_say",
        r"colour",
    ),
    Defect(
        "a secret in a log line",
        f"{PACKAGE}/runtime/observability/lines.py",
        r"if any\(secret in text for secret in _secrets\.values\(\)\):",
        "if False:",
        f"{SERVICE}tests/unit/runtime/observability/test_lines.py",
        r"correct horse",
    ),
]
