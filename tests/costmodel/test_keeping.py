"""Feature maps that stay on chip: against all ways to keep them, and against the interpreter's counts."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path
from random import Random

import networkx as nx
import pytest

import dovetail as dt
from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import tiles_of, violations
from dovetail.costmodel import reference
from dovetail.costmodel.components import price
from dovetail.costmodel.feature_maps import FeatureMap
from dovetail.costmodel.keeping import choose
from dovetail.costmodel.layer_cost import NetworkCost
from dovetail.costmodel.network_cost import evaluate_network, problem_of
from dovetail.costmodel.on_chip import OnChip
from dovetail.costmodel.selection import Objective
from dovetail.costmodel.trials import solve
from dovetail.costmodel.vector_cost import vector_cost
from dovetail.dsl.network import Network

MACHINE = """\
accel small
clock 100 MHz
precision {{ inputs, weights, outputs = 8 bit; sums = 16 bit }}
memory DRAM {{ bandwidth = 400 MB/s shared; latency = 20 cycles; energy = 8 pJ/bit }}
memory Buffer {{
    size = {size} B; width = 64 bit; energy = 1 pJ/bit; buffering = {buffering}
    may_hold = [inputs, weights, outputs, sums]
}}
array PE[row = 4, col = 4] {{
    along row: reduce sums, multicast weights
    along col: multicast inputs
    mac {{ rate = 1/cycle; energy = 1 pJ }}
}}
{unit}
dataflow weight_stationary {{ PE.row = C; PE.col = K }}
dataflow output_stationary {{ PE.row = P; PE.col = Q }}
"""
UNIT = "unit Vector[4] at Buffer { does = [relu, pool, add]; energy = 1 pJ }"
RESIDUAL = """\
net residual
input x[4, 6, 6]
a = x -> conv(6, 3, pad = same) -> relu
b = a -> conv(6, 3, pad = same)
c = a + b
d = concat(c -> conv(4, 1), c -> conv(3, 3, pad = same) -> relu)
output d -> conv(4, 1, stride = 2) -> conv(5, 1)
"""


def machine(folder: Path, size: int, buffering: str = "double", unit: str = UNIT) -> tuple[Architecture, ...]:
    """Without and with `keep`."""
    text = MACHINE.format(size=size, buffering=buffering, unit=unit)
    found = []
    for name, more in (("plain", ""), ("keeps", "keep feature_maps in Buffer\n")):
        path = folder / f"{name}.accel"
        path.write_text(text + more)
        found.append(dt.load_accelerator(path).architecture)
    return tuple(found)


def network(folder: Path, text: str) -> Network:
    path = folder / "shown.net"
    path.write_text(text)
    return dt.load_network(path).at(dt.Bits(8, 8, 8, 16))


def random_network(r: Random) -> str:
    """A few convolutions, sums, concatenations and pools, each of any of what is there."""
    lines, shapes = [], {"x": 3}
    for number in range(r.randint(3, 5)):
        name, source = f"t{number}", r.choice(list(shapes)[-2:])
        peers = [other for other in shapes if other not in (source, "x") and source != "x"]
        kind = r.choice(["conv", "conv", "add", "concat", "pool"])
        if kind == "add" and (same := [p for p in peers if shapes[p] == shapes[source]]):
            lines.append(f"{name} = {source} + {r.choice(same)}")
            shapes[name] = shapes[source]
        elif kind == "concat" and peers:
            other = r.choice(peers)
            lines.append(f"{name} = concat({source}, {other})")
            shapes[name] = shapes[source] + shapes[other]
        elif kind == "pool":
            lines.append(f"{name} = {source} -> maxpool(3, stride = 1, pad = 1)")
            shapes[name] = shapes[source]
        else:
            channels, kernel = r.choice([3, 4, 6]), r.choice([1, 3])
            end = r.choice(["", " -> relu"])
            lines.append(f"{name} = {source} -> conv({channels}, {kernel}, pad = same){end}")
            shapes[name] = channels
    return "\n".join(
        ["net drawn", "input x[3, 5, 5]", *lines, f"output {list(shapes)[-1]} -> conv(2, 1)", ""]
    )


# ------------------------------------------------------------------------------- all ways to keep them


def groups_of(net: Network) -> list[set[str]]:
    """Tensors that are the same words: joined through operations that cost nothing."""
    graph: nx.Graph[str] = nx.Graph()
    for layer in net.layers:
        names = [t.name for t in (*layer.inputs, *layer.outputs)]
        graph.add_nodes_from(names)
        if net.free(layer) is not None:
            graph.add_edges_from((names[0], name) for name in names)
    return [set(found) for found in nx.connected_components(graph)]


def all_costs(net: Network, chip: Architecture, batch: int, objective: Objective) -> list[tuple[int, float]]:
    """Cycles and pJ of every choice of what stays, with every dataflow of every layer."""
    prices = price(chip)
    layers = [layer for layer in net.layers if net.free(layer) is None]
    fixed = {t.name for t in (*net.inputs, *net.outputs)}
    size = chip.memory("Buffer").size_bits
    assert size is not None
    life = {}
    for number, group in enumerate(groups_of(net)):
        writers = [i for i, v in enumerate(layers) if {t.name for t in v.outputs} & group]
        readers = [i for i, v in enumerate(layers) if {t.name for t in v.inputs} & group]
        if not group & fixed and writers and readers and max(readers) > writers[0]:
            life[number] = (writers[0], max(readers), group)
    leak = prices.leakage_mw.value * 1e9 / chip.clock_hz
    found: list[tuple[int, float]] = []
    for many in range(len(life) + 1):
        for kept in combinations(life, many):
            stays = set().union(*(life[k][2] for k in kept))
            options: list[list[tuple[int, float]]] = []
            for i, layer in enumerate(layers):
                alive = set().union(*(life[k][2] for k in kept if life[k][0] <= i <= life[k][1]))
                there = {t.name: t.words * t.bits * batch for v in layers[: i + 1] for t in v.outputs}
                own = {t.name: t.words * t.bits * batch for t in (*layer.inputs, *layer.outputs)}
                problem = problem_of(layer, batch)
                if problem is None:
                    full = sum(bits for name, bits in there.items() if name in alive) > size
                    cost = vector_cost(layer, chip, prices, batch, frozenset(own) & stays)
                    memories = sum(sum(v.values()) for v in cost.memories_pj.values())
                    here = [(cost.cycles, memories + cost.unit_pj + leak * cost.cycles)]
                    options.append([] if full else here)
                    continue
                roles = {"inputs": layer.inputs[0].name, "outputs": layer.outputs[0].name}
                taken, operands = 0, frozenset(o for o, name in roles.items() if name in alive)
                for k in kept:
                    if life[k][0] <= i <= life[k][1]:
                        group = life[k][2]
                        held = 0
                        for operand in operands:
                            if roles[operand] in group:
                                width = getattr(problem.bits, operand)
                                held += min(problem.words(operand) * width, own[roles[operand]])
                        taken += max(0, sum(b for n, b in there.items() if n in group) - held)
                on_chip = OnChip("Buffer", operands, taken) if alive else None
                solved = solve(problem, chip, prices, chip.dataflows, objective, None, on_chip)
                for trial in solved.trials:
                    if on_chip is not None:
                        tiles = tiles_of(problem, chip, trial.mapping, chip.memory("Buffer"))
                        assert sum(bits * copies for _, bits, copies in tiles) + taken <= size
                options.append([(t.cost.cycles, t.energy.total_pj) for t in solved.trials])
            for ways in product(*options):
                found.append((sum(c for c, _ in ways), sum(pj for _, pj in ways)))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_what_stays_is_the_best_of_all_choices(seed: int, tmp_path: Path) -> None:
    r = Random(seed)
    net = network(tmp_path, RESIDUAL if seed == 0 else random_network(r))
    size = r.choice([200, 300, 500, 900])
    unit = r.choice([UNIT, ""])
    plain, chip = machine(tmp_path, size, r.choice(["double", "single", "ideal"]), unit)
    batch = r.choice([1, 1, 2])
    objective = r.choice(list(Objective))
    cost = evaluate_network(net, chip, price(chip), objective, batch)
    every = all_costs(net, chip, batch, objective)
    least = min(objective.of(cycles / chip.clock_hz, pj) for cycles, pj in every)
    assert cost.value == pytest.approx(least, rel=1e-12)
    alone = evaluate_network(net, plain, price(plain), objective, batch)
    assert cost.value <= alone.value * (1 + 1e-12)
    assert cost.bound_value <= cost.value * (1 + 1e-12)


def test_the_cases_keep_some_and_spill_some(tmp_path: Path) -> None:
    """So that the test above is no test of all or nothing."""
    net = network(tmp_path, RESIDUAL)
    kept = {}
    for size in (150, 700, 2000):
        _, chip = machine(tmp_path, size)
        kept[size] = len(evaluate_network(net, chip, price(chip)).kept)
    assert kept[150] < kept[700] < kept[2000] == 5


# ------------------------------------------------------------------------------------------- counts


def kept_cost(folder: Path) -> tuple[NetworkCost, NetworkCost]:
    net = network(folder, RESIDUAL)
    plain, chip = machine(folder, 2000)
    return evaluate_network(net, plain, price(plain)), evaluate_network(net, chip, price(chip))


def test_layers_that_find_their_inputs_on_chip_count_as_the_interpreter_does(tmp_path: Path) -> None:
    _, cost = kept_cost(tmp_path)
    assert any(layer.on_chip for layer in cost.layers)
    for layer in cost.layers:
        if layer.chosen is None or layer.problem is None:
            continue
        roles = {"inputs": layer.layer.inputs[0].name, "outputs": layer.layer.outputs[0].name}
        stays = frozenset(o for o, name in roles.items() if name in layer.on_chip)
        assert violations(layer.problem, cost.architecture, layer.chosen.mapping, stays) == ()
        counted = reference.count(layer.problem, cost.architecture, layer.chosen.mapping)
        assert counted.holders == layer.chosen.cost.counts.holders


def test_a_feature_map_that_stays_does_not_touch_the_outermost_memory(tmp_path: Path) -> None:
    plain, cost = kept_cost(tmp_path)
    assert len(cost.kept) == 5  # all between the first layer's input and the last one's output
    whole = sum(t.words * t.bits for t in (*cost.network.inputs, *cost.network.outputs)) // 8
    padded = 4 * 8 * 8 - 4 * 6 * 6  # the first layer reads a box with its padding
    weights = sum(layer.layer.weights for layer in cost.layers)
    moved = sum(layer.outermost_bytes for layer in cost.layers)
    assert moved == whole + padded + weights
    assert sum(layer.outermost_bytes for layer in plain.layers) > 2 * moved
    for layer in cost.layers[1:-1]:
        dram = layer.traffic_words.get("DRAM", {})
        assert not any(sum(dram[o].values()) for o in dram if o != "weights"), layer.name


def test_a_buffer_too_small_for_any_keeps_nothing_and_costs_the_same(tmp_path: Path) -> None:
    net = network(tmp_path, RESIDUAL)
    plain, chip = machine(tmp_path, 60)
    one, other = (evaluate_network(net, a, price(a)) for a in (plain, chip))
    assert other.kept == () and (one.cycles, one.energy_pj) == (other.cycles, other.energy_pj)


def test_a_layer_of_the_same_shape_elsewhere_has_its_own_tensors(tmp_path: Path) -> None:
    text = "net chain\ninput x[4, 6, 6]\noutput x -> 4 * conv(4, 1)\n"
    _, chip = machine(tmp_path, 2000)
    cost = evaluate_network(network(tmp_path, text), chip, price(chip))
    for before, layer in zip(cost.layers[1:-2], cost.layers[2:-1], strict=True):
        assert layer.on_chip == (before.layer.outputs[0].name, layer.layer.outputs[0].name)


# ---------------------------------------------------------------------------------------- the choice


def test_the_choice_is_the_best_of_all_over_random_costs() -> None:
    """The recursion alone, with costs that nothing explains."""
    for seed in range(60):
        r = Random(seed)
        count = r.randint(2, 5)
        maps = []
        for number in range(r.randint(0, 4)):
            first = r.randrange(count - 1)
            last = r.randint(first + 1, count - 1)
            maps.append(
                FeatureMap(f"m{number}", frozenset({f"m{number}"}), ((first, r.randint(1, 9)),), last)
            )
        room = r.randint(4, 20)
        table: dict[tuple[int, frozenset[int]], list[tuple[int, float]]] = {}

        def points(
            layer: int,
            here: frozenset[int],
            r: Random = r,
            table: dict[tuple[int, frozenset[int]], list[tuple[int, float]]] = table,
        ) -> list[tuple[int, float]]:
            if (layer, here) not in table:
                many = r.randint(0 if here else 1, 3)
                table[layer, here] = [(r.randint(1, 30), float(r.randint(1, 30))) for _ in range(many)]
            return table[layer, here]

        for objective in Objective:
            choice = choose(count, maps, room, points, objective)
            totals = []
            for many in range(len(maps) + 1):
                for kept in combinations(range(len(maps)), many):
                    here = [
                        frozenset(m for m in kept if maps[m].first <= i <= maps[m].last) for i in range(count)
                    ]
                    if any(sum(maps[m].bits_at(i) for m in here[i]) > room for i in range(count)):
                        continue
                    for ways in product(*(points(i, here[i]) for i in range(count))):
                        totals.append(objective.of(sum(c for c, _ in ways), sum(pj for _, pj in ways)))
            got = [
                points(i, here)[t] for i, (here, t) in enumerate(zip(choice.here, choice.taken, strict=True))
            ]
            assert choice.exact
            assert objective.of(sum(c for c, _ in got), sum(pj for _, pj in got)) == min(totals)
