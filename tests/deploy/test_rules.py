"""Alerts fire when they should and only then, and each has a page that says what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from livetomo.core.quality.definitions import DEFINITIONS
from livetomo.publish.prometheus.families import FAMILIES
from livetomo.publish.prometheus.quality_buckets import metric_name
from tests.servers import need
from tools.docs.metrics_page import page

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))


def promtool(*words: str | Path) -> str:
    done = subprocess.run([need("promtool", "prometheus"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def test_rules_and_configuration_are_valid(tmp_path: Path) -> None:
    promtool("check", "rules", *RULES)
    shutil.copytree(ROOT / "deploy" / "prometheus", tmp_path / "prometheus")
    (tmp_path / "prometheus" / "secrets").mkdir()
    (tmp_path / "prometheus" / "secrets" / "livetomo-token").touch()
    promtool("check", "config", tmp_path / "prometheus" / "prometheus.yml")


def test_each_alert_fires_for_a_daemon_that_is_sick_and_spares_one_that_is_well() -> None:
    cases = ROOT / "deploy" / "prometheus" / "tests" / "alerts.yml"
    promtool("test", "rules", cases)
    tested = [case for test in yaml.safe_load(cases.read_text())["tests"] for case in test.get("alert_rule_test", [])]
    fires = {case["alertname"] for case in tested if case.get("exp_alerts")}
    assert fires == {alert["alert"] for alert in alerts()}


def test_each_alert_has_a_section_in_the_runbook_and_no_section_is_left_over() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [alert["alert"] for alert in alerts()]
    for alert in alerts():
        assert alert["annotations"]["runbook_url"].endswith(f"/docs/runbook.md#{alert['alert'].lower()}")
        assert {"summary", "description"} <= alert["annotations"].keys()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    known = {family.name for family in FAMILIES} | {
        f"livetomo_quality_{metric_name(measure.name, measure.unit)}" for measure in DEFINITIONS.values()
    }
    recorded = {each["record"] for each in rules() if "record" in each}
    for name in re.findall(r"(?<![\w:])(?:\w+:)?livetomo_\w+(?::\w+)?", rule["expr"]):
        assert name in recorded or re.sub(r"_(bucket|sum|count)$", "", name) in known, name


def test_the_page_of_metrics_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page(), "run: make docs"
