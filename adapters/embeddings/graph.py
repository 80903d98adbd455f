"""The MiniLM encoder as an ONNX graph, built from its weights; exact float32, or int8 with dynamic activations.

Six layers of BERT (Devlin et al. 2018), mean pooling over the tokens and L2 normalisation (Reimers & Gurevych 2019) are
inside the graph. It takes texts of one length and no mask: padding costs time, and a text's vector would depend on its
company. It uses onnxruntime's fused operators.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.generic]
Weights = Mapping[str, npt.NDArray[np.float32]]
LAYERS, HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 256
FUSED, OPSET, IR_VERSION = "com.microsoft", 17, 8


class GraphBuilder:
    """Collects nodes and constants; every method gives the name of its output."""

    def __init__(self, weights: Weights, *, int8: bool) -> None:
        self._weights, self._int8 = weights, int8
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def build(self) -> onnx.ModelProto:
        """Input `ids` (texts, tokens) int32 with special tokens; output `vectors` (texts, 384) float32, normalised."""
        states = self._embeddings()
        for layer in range(LAYERS):
            states = self._layer(states, layer)
        pooled = self._node("ReduceMean", [states], "pooled", axes=[1], keepdims=0)
        self._node("LpNormalization", [pooled], "vectors", axis=-1, p=2)
        graph = helper.make_graph(
            self._nodes,
            "minilm",
            [helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"])],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", WIDTH])],
            list(self._constants.values()),
        )
        domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=IR_VERSION, producer_name="fastops")

    def _embeddings(self) -> str:
        name = "embeddings."
        kinds = self._weights[name + "token_type_embeddings.weight"][0]
        places = self._weights[name + "position_embeddings.weight"][:MAX_TOKENS] + kinds
        length = self._node("Shape", ["ids"], "length", start=1, end=2)
        place = self._node(
            "Slice", [self._constant("places", places), self._constant("zero", np.zeros(1, np.int64)), length], "place"
        )
        summed = self._node("Add", [self._words(), place], "embedded")
        return self._norm(summed, name + "LayerNorm", "states")

    def _words(self) -> str:
        """Word vectors by id; int8 with a scale per word where the graph is quantised, a quarter of the size."""
        words = self._weights["embeddings.word_embeddings.weight"]
        if not self._int8:
            return self._node("Gather", [self._constant("words", words), "ids"], "words_of_ids")
        scales = np.maximum(np.abs(words).max(1, keepdims=True), 1e-12).astype(np.float32) / np.float32(127)
        small = self._constant("words", np.rint(words / scales).astype(np.int8))
        cast = self._node(
            "Cast", [self._node("Gather", [small, "ids"], "words_int8")], "words_float", to=TensorProto.FLOAT
        )
        return self._node(
            "Mul", [cast, self._node("Gather", [self._constant("word_scales", scales), "ids"], "scales")], "w"
        )

    def _layer(self, states: str, layer: int) -> str:
        name = f"encoder.layer.{layer}."
        shared = self._quantized(states)
        parts = [self._linear(shared, f"{name}attention.self.{part}") for part in ("query", "key", "value")]
        attended = self._node("MultiHeadAttention", parts, f"attended{layer}", FUSED, num_heads=HEADS)
        projected = self._linear(self._quantized(attended), f"{name}attention.output.dense")
        states = self._add_norm(projected, states, f"{name}attention.output.LayerNorm")
        wide = self._linear(self._quantized(states), f"{name}intermediate.dense", bias=False)
        bias = self._constant(f"{name}bias", self._weights[f"{name}intermediate.dense.bias"])
        bent = self._node("BiasGelu", [wide, bias], f"gelu{layer}", FUSED)
        narrow = self._linear(self._quantized(bent), f"{name}output.dense")
        return self._add_norm(narrow, states, f"{name}output.LayerNorm")

    def _linear(self, source: Sequence[str], name: str, *, bias: bool = True) -> str:
        weight, offset = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        if not self._int8:
            product = self._node("MatMul", [source[0], self._constant(f"{name}.w", weight.T)], f"{name}.product")
            return self._node("Add", [product, self._constant(f"{name}.b", offset)], f"{name}.out") if bias else product
        small, scales = quantized_rows(weight)
        inputs = [
            source[0],
            self._constant(f"{name}.w", small.T),
            source[1],
            self._constant(f"{name}.s", scales),
            source[2],
            "",
        ]
        if bias:
            inputs.append(self._constant(f"{name}.b", offset))
        return self._node("MatMulIntegerToFloat", inputs, f"{name}.out", FUSED)

    def _quantized(self, source: str) -> Sequence[str]:
        """The activations as uint8 with scale and zero point, made once for all products that share them."""
        if not self._int8:
            return [source]
        outputs = [f"{source}.q", f"{source}.q.scale", f"{source}.q.zero"]
        self._nodes.append(helper.make_node("DynamicQuantizeLinear", [source], outputs, name=outputs[0]))
        return outputs

    def _add_norm(self, left: str, right: str, name: str) -> str:
        return self._norm(self._node("Add", [left, right], f"{name}.sum"), name, f"{name}.out")

    def _norm(self, source: str, name: str, output: str) -> str:
        gain = self._constant(f"{name}.gain", self._weights[f"{name}.weight"])
        shift = self._constant(f"{name}.shift", self._weights[f"{name}.bias"])
        return self._node("LayerNormalization", [source, gain, shift], output, axis=-1, epsilon=1e-12)

    def _node(self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def _constant(self, name: str, value: Array) -> str:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name


def quantized_rows(weight: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """int8 rows with one scale per row (output channel).

    Processors without VNNI add pairs of products in 16 bits that saturate; no pair of neighbours may exceed what one
    weight may, so the result is the same on every processor.
    """
    pairs = np.abs(weight[:, ::2] + weight[:, 1::2]).max(1)
    scales = (np.maximum(np.abs(weight).max(1), pairs) / 127).astype(np.float32)
    return np.clip(np.rint(weight / scales[:, None]), -127, 127).astype(np.int8), scales
