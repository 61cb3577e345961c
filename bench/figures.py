"""From raw runs to the table of ratios and the file of results. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Raw figures of each run in `unit`, of ours and of each peer, from the same mail on the same machine."""

    name: str
    unit: str
    ours: Sequence[float]
    peers: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": _figure(self.ours),
            "peers": {peer: _figure(runs) for peer, runs in self.peers.items()},
            "runs": {"ours": [round(run, 1) for run in self.ours]}
            | {peer: [round(run, 1) for run in runs] for peer, runs in self.peers.items()},
        }

    def ratio(self, peer: str) -> float:
        """Ours to the peer's, medians; above 1 we are faster."""
        return median(self.ours) / median(self.peers[peer])


def _figure(runs: Sequence[float]) -> float:
    return round(median(runs), 1)


def results(
    benchmarks: Sequence[Benchmark], machine: Mapping[str, Any], conditions: Mapping[str, Any]
) -> dict[str, Any]:
    """What bench/results/latest.json holds: medians, and each run's figure under `runs`."""
    return {
        "machine": dict(machine),
        "conditions": dict(conditions),
        "benchmarks": [benchmark.as_json() for benchmark in benchmarks],
    }


_LINE = "{:<18} {:<14} {:>10} {:>8}   {}"


def table(benchmarks: Sequence[Benchmark]) -> str:
    """One line for ours and one for each peer; `ratio` is ours divided by the peer's."""
    lines = [_LINE.format("benchmark", "who", "median", "ratio", "runs").rstrip()]
    for benchmark in benchmarks:
        lines.append(_line(f"{benchmark.name}", "ours", benchmark.ours, ""))
        for peer, runs in benchmark.peers.items():
            lines.append(_line("", peer, runs, f"{benchmark.ratio(peer):.2f}"))
    return "\n".join(lines)


def _line(name: str, who: str, runs: Sequence[float], ratio: str) -> str:
    shown = " ".join(f"{run:.1f}" for run in runs[:5])
    return _LINE.format(name, who, f"{_figure(runs):.1f}", ratio, shown + (" ..." if len(runs) > 5 else ""))
