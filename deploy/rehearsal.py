"""The manifests' workloads on loopback: throw-away secrets, a real Postgres, free ports, the rest as written."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from deploy.manifests import Probe, Workload, environment
from tests.rig.ports import free_port


def throw_away_secrets(database_url: str) -> dict[tuple[str, str], str]:
    """Every Secret that deploy/k8s/base refers to, by name and key."""
    worker = secrets.token_urlsafe(24)
    return {
        ("ece-config-api", "database-url"): database_url,
        ("ece-config-api", "master-keys"): base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        ("ece-config-api", "bootstrap-token"): secrets.token_urlsafe(24),
        ("ece-config-api", "worker-token"): worker,
        ("ece-retriever", "worker-token"): worker,
        ("ece-dispatcher", "worker-token"): worker,
    }


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One cluster's worth of names, turned into loopback addresses."""

    secrets: Mapping[tuple[str, str], str]
    ports: dict[str, int] = field(default_factory=dict[str, int])

    def port(self, workload: Workload) -> int:
        return self.ports.setdefault(workload.service, free_port())

    def metrics_port(self, workload: Workload) -> int:
        return self.ports.setdefault(f"{workload.service} metrics", free_port())

    def environment(self, workload: Workload) -> dict[str, str]:
        """The manifest's own, except for what names a port or a host of the cluster."""
        values = environment(workload, self.secrets, f"{workload.name}-rehearsal")
        if "ECE_LISTEN_PORT" in values:
            values["ECE_LISTEN_PORT"] = str(self.port(workload))
        if "ECE_METRICS_PORT" in values:
            values["ECE_METRICS_PORT"] = str(self.metrics_port(workload))
        if "ECE_CONFIG_API_URL" in values:
            values["ECE_CONFIG_API_URL"] = f"http://127.0.0.1:{self.ports['config-api']}"
        return values

    def answers(self, workload: Workload, probe: Probe) -> bool:
        """Whether the kubelet would count this probe as passed: any status from 200 to 399 in time."""
        # The process listens elsewhere than in its pod, so the manifest's own port must be the one it was told.
        told = next(v.value for v in workload.container.env if v.name == "ECE_LISTEN_PORT")
        if told != str(workload.container.port_number(probe.http_get.port)):
            return False
        url = f"http://127.0.0.1:{self.port(workload)}{probe.http_get.path}"
        try:
            return 200 <= httpx.get(url, timeout=probe.timeout_seconds, trust_env=False).status_code < 400
        except httpx.HTTPError:
            return False
