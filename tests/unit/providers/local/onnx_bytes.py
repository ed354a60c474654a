"""A tiny ONNX network, written by hand: one 1 x 1 convolution that reads brightness as depth."""

from __future__ import annotations

import struct


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _int(field: int, value: int) -> bytes:
    return _number(field << 3) + _number(value)


def _part(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return _number(field << 3 | 2) + _number(len(data)) + data


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_part(1, _int(1, side)) for side in shape)
    tensor = _int(1, 1) + _part(2, dims)
    return _part(1, name) + _part(2, _part(1, tensor))


def brightness_network(side: int, weights: tuple[float, float, float]) -> bytes:
    """An ONNX model from (1, 3, side, side) to (1, 1, side, side)."""
    data = struct.pack("<3f", *weights)
    kernel = b"".join(_int(1, side) for side in (1, 3, 1, 1))
    kernel += _int(2, 1) + _part(8, "w") + _part(9, data)
    shape = _part(1, "kernel_shape") + _part(8, _number(1) + _number(1))[:0]
    shape += _int(8, 1) + _int(8, 1) + _int(20, 7)
    node = _part(1, "x") + _part(1, "w") + _part(2, "y") + _part(4, "Conv") + _part(5, shape)
    graph = (
        _part(1, node)
        + _part(2, "tiny")
        + _part(5, kernel)
        + _part(11, _value("x", (1, 3, side, side)))
        + _part(12, _value("y", (1, 1, side, side)))
    )
    opset = _int(2, 13)
    return _int(1, 8) + _part(7, graph) + _part(8, opset)
