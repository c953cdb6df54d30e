"""An ONNX graph that is put together from parts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

WINDOWS, PROBABILITIES = "windows", "probabilities"
"""The input [n, window_bars, columns] and the output [n, classes], both float32."""
_OPSET, _ML_OPSET = 17, 3
_BATCH = 3  # of the example that modules are traced with; any other is answered as well


class Graph:
    """Nodes and constants; values are named by the text that `node` and `module` return."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []
        self._parts = 0

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The output of a new node of this kind."""
        name = self._new("value")
        self._nodes.append(helper.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        """A value that does not change."""
        name = self._new("constant")
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def module(self, module: nn.Module, shape: Sequence[int], *inputs: str) -> str:
        """The output of a module of torch; its inputs are [n, *shape] each."""
        part = _traced(module, shape, len(inputs))
        prefix = self._new("part")
        given = (each.name for each in part.input)
        known: dict[str, str] = dict(zip(given, inputs, strict=True))
        known[""] = ""  # an input of a node that is left out

        def named(name: str) -> str:
            return known.setdefault(name, f"{prefix}_{name}")

        for tensor in part.initializer:
            tensor.name = named(tensor.name)
            self._constants.append(tensor)
        for node in part.node:
            node.name = f"{prefix}_{node.name}"
            node.input[:] = map(named, node.input)
            node.output[:] = map(named, node.output)
            self._nodes.append(node)
        output: str = part.output[0].name
        return named(output)

    def model(
        self, output: str, shape: tuple[int, int], classes: int, about: Mapping[str, str]
    ) -> bytes:
        """The file of the model that answers `output` [n, classes] to windows [n, *shape]."""
        self._nodes.append(helper.make_node("Identity", [output], [PROBABILITIES]))
        graph = helper.make_graph(
            self._nodes,
            "crypto_bot",
            [helper.make_tensor_value_info(WINDOWS, TensorProto.FLOAT, ["n", *shape])],
            [helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["n", classes])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="crypto_bot")
        model.ir_version = helper.find_min_ir_version_for(opsets)
        helper.set_model_props(model, dict(about))
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def _new(self, kind: str) -> str:
        self._parts += 1
        return f"{kind}{self._parts}"


def _traced(module: nn.Module, shape: Sequence[int], inputs: int) -> onnx.GraphProto:
    given = tuple(torch.zeros(_BATCH, *shape) for _ in range(inputs))
    names = [f"in{number}" for number in range(inputs)]
    with plain_attention(), warnings.catch_warnings(), TemporaryDirectory() as folder:
        # The exporter that replaces it needs two more packages and ten times as long; torch is
        # pinned. Its other warning is of batches, which the check of every exported file covers.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            given,
            f"{folder}/part.onnx",
            dynamo=False,
            opset_version=_OPSET,
            input_names=names,
            dynamic_axes={name: {0: "n"} for name in names},
        )
        return onnx.load(f"{folder}/part.onnx").graph


@contextmanager
def plain_attention() -> Iterator[None]:
    """The fused attention of torch is no operator of other formats."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
