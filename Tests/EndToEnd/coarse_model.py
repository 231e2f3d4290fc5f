"""The real model with its weights rounded coarser, in a file of the same form: what a provider runs who saves on memory and says
nothing. Its answers read well and are not the model's. It must never be given to a node under test as the real one."""

import struct

Q4_1 = 3
# A type of GGUF's metadata and its size; 8 is text and 9 a list.
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class Reader:
    """Walks over a GGUF file's header."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        """The next number."""
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self):
        """The next text."""
        length = self.take("Q")
        self.at += length
        return bytes(self.data[self.at - length:self.at]).decode()

    def skip(self, kind):
        """Passes a value over."""
        if kind == 8:
            self.text()
        elif kind == 9:
            inner, count = self.take("I"), self.take("Q")
            for _ in range(count):
                self.skip(inner)
        else:
            self.at += SIZES[kind]


def write(source, target):
    """Writes the file in which each weight of 16 steps has 4."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    reader = Reader(data)
    magic, version, tensors, entries = reader.take("I"), reader.take("I"), reader.take("Q"), reader.take("Q")
    assert (magic, version) == (0x46554747, 3), "not a GGUF file of version 3"
    for _ in range(entries):
        reader.text()
        reader.skip(reader.take("I"))
    found = []
    for _ in range(tensors):
        name = reader.text()
        count = 1
        for _ in range(reader.take("I")):
            count *= reader.take("Q")
        found.append((name, count, reader.take("I"), reader.take("Q")))
    begin = -(-reader.at // 32) * 32
    coarse = bytes((byte & 0xCC) | 0x22 for byte in range(256))
    changed = 0
    for _, count, kind, offset in found:
        if kind != Q4_1:
            continue
        # 32 weights in 20 bytes: scale and least value, then two weights a byte.
        for at in range(begin + offset, begin + offset + count // 32 * 20, 20):
            data[at + 4:at + 20] = data[at + 4:at + 20].translate(coarse)
        changed += 1
    assert changed > 100, f"only {changed} tensors have such weights"
    with open(target, "wb") as file:
        file.write(data)
