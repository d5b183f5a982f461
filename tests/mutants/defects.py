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
    """A regular expression, whose first match is replaced; a file of which nothing is left is taken away."""
    put: str
    check: str
    says: str
    """A regular expression for what the check says, so that it fails for this reason and for no other."""


RENDER = "tests/bake/test_render.py"
NAMES = "tests/bake/test_names.py"
SAME = "tests/bake/test_same.py"
DOORS = "tests/bake/test_doors.py"
HOOKS = "tests/bake/test_hooks.py"
PORTAL = "tests/bake/test_backstage.py"
OWNERSHIP = "tests/bake/test_ownership.py"
TOOLS = "tests/bake/test_tools.py"
LOCKS = "tests/bake/test_locks.py"
WORKFLOWS = "tests/contract/test_workflows.py"
UPGRADE = "tests/upgrade/test_upgrade.py"
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
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"compose\.yaml",
    ),
    Defect(
        "an answer that is not quoted in YAML",
        f"{T}/catalog-info.yaml",
        r'description: ".*"$',
        "description: {{ cookiecutter.description }}",
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"catalog-info\.yaml: ",
    ),
    Defect(
        "an answer that is not escaped in TOML",
        f"{T}/pyproject.toml",
        r"cookiecutter\.__description",
        "cookiecutter.description",
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"pyproject\.toml: ",
    ),
    Defect(
        "an answer that arrives changed",
        f"{T}/Dockerfile",
        r'title="\{\{ cookiecutter\.__title .*?\}\}"',
        'title="{{ cookiecutter.__title | upper }}"',
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"Dockerfile, title",
    ),
    Defect(
        "an unformatted line",
        f"{PACKAGE}/app.py",
        r"    return app$",
        "    return (app)",
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"app\.py",
    ),
    Defect(
        "an import that nobody uses",
        f"{T}/tests/conftest.py",
        r"^import asyncio$",
        "import asyncio\nimport base64",
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"base64",
    ),
    Defect(
        "a name in an import that is longer than a line for some",
        f"{T}/tests/contract/test_docs.py",
        r"^from \{\{ cookiecutter\.__package \}\}\.(\S+) import \(\n    (\w+),\n\)$",
        "from {{ cookiecutter.__package }}.runtime.observability.watchdog import Watchdog as WatchdogOfTheEventLoop",
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"test_docs\.py",
    ),
    Defect(
        "a bake that depends on the time",
        f"{T}/README.md",
        r"\Z",
        "{% now 'utc', '%Y-%m-%d %H:%M:%S.%f' %}\n",
        f"{SAME}::test_two_bakes_are_the_same_in_another_place_and_time",
        r"README\.md",
    ),
    Defect(
        "an address of the example outside its condition",
        f"{T}/README.md",
        r"\Z",
        "See /v1/items.\n",
        f"{NAMES}::test_a_service_with_answers_at_the_edge_is_whole",
        r"README\.md",
    ),
    Defect(
        "a version of the template that lags behind",
        f"{PACKAGE}/runtime/VERSION",
        r".+",
        "0.0.9",
        "tests/bake/test_drift.py::test_the_template_version_is_the_same_wherever_it_stands",
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
    Defect(
        "a file that is gone",
        f"{T}/.editorconfig",
        r"\A(?s:.*)\Z",
        "",
        f"{SAME}::test_the_committed_manifest_says_what_the_template_makes",
        r"\.editorconfig: gone",
    ),
    Defect(
        "a file that cookiecutter renders and a portal copies",
        "cookiecutter.json",
        r'^    "tools/\*\.py",\n',
        "",
        f"{PORTAL}::test_it_asks_and_hands_on_what_cookiecutter_does",
        r"tools/\*\.py",
    ),
    # The hooks.
    Defect(
        "a hook that writes a file",
        "hooks/post_gen_project.py",
        r"^if not INCLUDE_EXAMPLE",
        'Path("made.txt").write_text("by a hook")\nif not INCLUDE_EXAMPLE',
        f"{DOORS}::test_each_door_gives_the_same_tree",
        r"made\.txt",
    ),
    Defect(
        "a hook that starts a process",
        "hooks/post_gen_project.py",
        r"^import shutil$",
        "import shutil\nimport subprocess",
        f"{HOOKS}::test_the_hooks_need_nothing_but_a_few_modules_of_the_standard_library",
        r"subprocess",
    ),
    Defect(
        "a slug that is too long",
        "hooks/pre_gen_project.py",
        r"\{2,39\}",
        "{2,49}",
        f"{NAMES}::test_wrong_answers_are_refused_all_at_once_each_with_its_remedy",
        r"project_slug",
    ),
    Defect(
        "a hook that tells one problem at a time",
        "hooks/pre_gen_project.py",
        r"^    return found\n\n\nif found",
        "    return found[:1]\n\n\nif found",
        f"{NAMES}::test_wrong_answers_are_refused_all_at_once_each_with_its_remedy",
        r"said",
    ),
    Defect(
        "a name of a package that a service may take",
        "hooks/pre_gen_project.py",
        r'"redis", ',
        "",
        f"{HOOKS}::test_no_service_can_take_the_name_of_a_package_that_it_installs",
        r"redis",
    ),
    Defect(
        "a pattern for portals that is not the hook's",
        "backstage/template.yaml",
        r"\{2,39\}",
        "{2,63}",
        f"{PORTAL}::test_it_asks_and_hands_on_what_cookiecutter_does",
        r"project_slug: pattern",
    ),
    # Locks, workflows, upgrades, growth.
    Defect(
        "a lock that is older than what it is for",
        f"{T}/pyproject.toml",
        r'^  "redis>=.*",$',
        '  "redis>=99",',
        f"{LOCKS}::test_the_services_locks_hold_what_it_asks_for_and_agree",
        r"redis>=99",
    ),
    Defect(
        "an action that is not pinned",
        f"{T}/.github/workflows/ci.yml",
        r"actions/checkout@\w+ # \S+",
        "actions/checkout@v7",
        f"{WORKFLOWS}::test_each_action_is_a_commit_with_its_version",
        r"checkout@v7",
    ),
    Defect(
        "a permission that nobody needs",
        f"{T}/.github/workflows/ci.yml",
        r"^permissions: \{\}$",
        "permissions: write-all",
        f"{WORKFLOWS}::test_the_workflows_lint_and_are_safe",
        r"excessive-permissions",
    ),
    Defect(
        "a step of a workflow that no test runs",
        f"{T}/.github/workflows/ci.yml",
        r"- run: make chart$",
        "- run: make openapi",
        f"{WORKFLOWS}::test_each_command_of_a_service_is_run_by_a_test",
        r"make openapi",
    ),
    Defect(
        "a step of a workflow that is no make target",
        ".github/workflows/ci.yml",
        r"- run: make check$",
        "- run: ruff check",
        f"{WORKFLOWS}::test_each_command_is_one_make_target",
        r"ruff check",
    ),
    Defect(
        "a file that does not say whose it is",
        f"{PACKAGE}/runtime/health.py",
        r"\A# .*\n",
        "",
        f"{OWNERSHIP}::test_each_file_says_whose_it_is",
        r"health\.py",
    ),
    Defect(
        "a list of the team's files that is empty",
        f"{T}/pyproject.toml",
        r"^\[tool\.cruft\]$",
        "[tool.nobody]",
        f"{UPGRADE}::test_later_versions_arrive_and_nothing_of_the_teams_is_touched",
        r"cruft|README\.md",
    ),
    Defect(
        "an update that leaves a fresh clone without what git merges with",
        f"{T}/tools/update.py",
        r"^    bring_common_ancestors\(.*\)$",
        "    pass",
        f"{UPGRADE}::test_later_versions_arrive_and_nothing_of_the_teams_is_touched",
        r"changed the same lines",
    ),
    Defect(
        "a skeleton of features that is not the example's",
        f"{T}/tools/feature/package/service.py.template",
        r"There is no \$one_in_words with this id\.",
        "No $one_in_words has this id.",
        f"{TOOLS}::test_the_example_is_the_feature_that_would_be_called_items",
        r"service\.py",
    ),
    Defect(
        "an example that is not all taken out",
        f"{T}/tools/example.json",
        r', "tests/unit/items"',
        "",
        f"{TOOLS}::test_taking_the_example_out_later_leaves_what_refusing_it_would_but_for_what_must_stay",
        r"tests/unit/items|assert",
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
        f"{SERVICE}tests/unit/items/test_routes.py::test_what_is_created_is_found_where_location_says",
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
        r"if any\(secret in text for secret in secrets\.values\(\)\):",
        "if False:",
        f"{SERVICE}tests/unit/runtime/observability/test_lines.py",
        r"correct horse",
    ),
]
