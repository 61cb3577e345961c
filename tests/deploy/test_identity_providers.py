"""The pods that speak with identity providers may reach them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

POLICIES = Path(__file__).resolve().parents[2] / "deploy" / "k8s" / "base" / "network-policies.yaml"


def _ports_outside(policy: dict[str, Any]) -> set[int]:
    rules = policy["spec"].get("egress", [])
    return {
        port["port"]
        for rule in rules
        if any(target.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for target in rule.get("to", []))
        for port in rule["ports"]
    }


@pytest.mark.rule(139)
def test_the_config_api_reaches_https_and_no_other_port_outside() -> None:
    found: set[int] = set()
    for policy in yaml.safe_load_all(POLICIES.read_text()):
        chosen = policy["spec"]["podSelector"].get("matchLabels", {})
        if chosen.get("app.kubernetes.io/name") == "ece-config-api":
            found |= _ports_outside(policy)
    assert found == {443}
