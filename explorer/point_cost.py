"""What a point of a space costs layer by layer, where its totals in the store are not enough.

    cost = cost_of(space, index, Objective.EDP)
    cost.layers, cost.prices

The design is mapped anew, for one objective: a store has totals, and of a front of mappings several of them.
"""

from __future__ import annotations

from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.costmodel.components import Unpriceable, price
from dovetail.costmodel.effort import Effort, Mapper
from dovetail.costmodel.figures import OutsideTable
from dovetail.costmodel.layer_cost import NetworkCost
from dovetail.costmodel.network_cost import Unmappable, evaluate_network
from dovetail.costmodel.selection import Objective
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.problem import Bits
from dovetail.explorer.points import Refused
from dovetail.explorer.space import StudySpace
from dovetail.explorer.study import Study


def cost_of(space: StudySpace, index: int, objective: Objective) -> NetworkCost:
    """A point, mapped for an objective by the mapper of its study; raises Refused, IndexError."""
    place = space.decode(index)
    network = space.networks[place.network].elaborate(place.network_number).design
    accelerator = space.accelerators[place.accelerator].elaborate(place.accelerator_number).design
    if network is None or accelerator is None:
        raise Refused(f"no design has the number {index}: a requirement refuses it")
    flow = space.dataflows[place.dataflow]
    return _cost(space.study, network, accelerator, objective, space.bits[place.bits], flow)


def baseline_cost(study: Study, objective: Objective) -> NetworkCost:
    """The baseline of a study, which has to have one; raises Refused, DovetailError."""
    assert study.baseline is not None
    network, accelerator = study.baseline
    return _cost(study, load_network_design(network), load_accelerator_design(accelerator), objective)


def _cost(
    study: Study,
    network: NetworkDesign,
    accelerator: AcceleratorDesign,
    objective: Objective,
    bits: int | None = None,
    dataflow: str | None = None,
) -> NetworkCost:
    architecture = accelerator.architecture
    own = architecture.bits
    widths = own if bits is None else Bits(bits, bits, bits, max(bits, own.sums))
    flows = [f for f in architecture.dataflows if dataflow in (None, f.name)]
    if dataflow is not None and not flows:
        raise Refused(f"`{architecture.name}` has no dataflow `{dataflow}`")
    try:
        return evaluate_network(
            network.at(widths),
            architecture,
            price(architecture),
            objective,
            study.batch,
            flows,
            effort=Effort(Mapper(study.mapper)),
        )
    except (Unpriceable, OutsideTable) as fault:
        raise Refused(f"a part of `{architecture.name}` cannot be priced: {fault}") from fault
    except Unmappable as fault:
        raise Refused(f"{fault} cannot be mapped") from fault
    except ValueError as fault:
        raise Refused(str(fault)) from fault
