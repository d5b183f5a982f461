"""In the chart, and in what it and the service agree on."""

from mutants.defect import CHART, Defect

BOTH = "tests/contract/test_chart_and_service.py"

CHART_DEFECTS = [
    # The chart.
    Defect(
        "a template without its purpose",
        f"{CHART}/templates/pdb.yaml",
        r"\A\{\{- /\*[^*]*\*/\}\}",
        "{{- /* */}}",
        "tests/contract/test_chart_documents.py::test_every_template_opens_with_its_purpose",
        r"pdb\.yaml",
    ),
    Defect(
        "a pod that may be root",
        f"{CHART}/values.yaml",
        r"^  runAsNonRoot: true$",
        "  runAsNonRoot: false",
        "tests/contract/test_chart_pods.py::test_every_pod_is_restricted",
        r"may be root",
    ),
    Defect(
        "a value that the chart's page does not have",
        f"{CHART}/values.yaml",
        r"^replicaCount: 2$",
        "replicaCount: 3",
        "tests/contract/test_chart_documents.py::test_the_readme_says_what_the_values_say",
        r"`3`",
    ),
    Defect(
        "a value that nobody explains",
        f"{CHART}/values.yaml",
        r"^# -- null leaves the number to somebody else, as KEDA\n",
        "",
        "tests/contract/test_chart_documents.py::test_every_value_is_explained",
        r"replicaCount",
    ),
    Defect(
        "a template that asks the cluster",
        f"{CHART}/templates/pdb.yaml",
        r"^spec:$",
        'spec: {{- lookup "v1" "Pod" "" "" | len | toString | trunc 0 }}',
        "tests/contract/test_chart_rendering.py::test_the_templates_depend_on_the_values_alone",
        r"pdb\.yaml",
    ),
    Defect(
        "a schema that takes misspelt values",
        f"{CHART}/values.schema.json",
        r'^  "additionalProperties": false,$',
        '  "additionalProperties": true,',
        "tests/contract/test_chart_values.py::test_a_misspelt_value_is_an_error_wherever_keys_are_listed",
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
        "tests/contract/test_chart_documents.py::test_the_suites_pass",
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
]
