"""Random functions that write and read buffers in shared memory, in loops and branches."""

from __future__ import annotations

from hypothesis import strategies as st

HEAD = """func @f(%n: i32, %c: bool, %x: ptr<f32, align=16>) warps(2, sm_80) {
  %k0 = constant {value = 0, of = i32} : i32
  %k1 = constant {value = 1, of = i32} : i32
  %k32 = constant {value = 32, of = i32} : i32
  %t = thread_id : i32
  %u = xor %t, %k32 : i32
  %o0 = splat %t {shape = [1]} : i32[1]
  %o1 = splat %u {shape = [1]} : i32[1]
  %z = constant {value = 0.0, of = f32} : f32
  %d = splat %z {shape = [1]} : f32[1]"""
BUFFERS = """  %a = shared {of = f32, count = 128} : shared<f32[128]>
  %b = shared {of = f32, count = 64} : shared<f32[64]>
  %r = shared {of = f32, count = 64, slots = 3} : shared<f32[192]>"""
BODY = """%s3 = for %k0, %n, %k1, [%k1] (%s4: i32, %s1: i32) {
%s5 = ring %k1 {by = 0, slots = 3} : i32
%s6 = shared_load %r, %o1, %s5 : f32[1]
%s9 = shared_load %a, %o0 : f32[1]
%s12 = for %k0, %n, %k1, [%k0] (%s13: i32, %s10: i32) {
shared_store %b, %d, %o0
%s14 = shared_load %a, %o1 : f32[1]
%s15 = ring %k1 {by = 2, slots = 3} : i32
async_copy %r, %o1, %x, %o1, _, %s15
%s17 = async_commit : token
%s19 = ring %s5 {by = 1, slots = 3} : i32
%s20 = shared_load %r, %o0, %s19 : f32[1]
%s23 = ring %s10 {by = 1, slots = 3} : i32
yield [%s23]
} : i32
%s24 = shared_load %b, %o1 : f32[1]
%s25 = ring %s1 {by = 2, slots = 3} : i32
yield [%s25]
} : i32
%s26 = ring %k1 {by = 0, slots = 3} : i32
shared_store %r, %d, %o0, _, %s26
%s29 = shared_load %r, %o0, %s26 : f32[1]
%s30 = ring %k0 {by = 2, slots = 3} : i32
%s31 = shared_load %r, %o0, %s30 : f32[1]
%s36 = for %k0, %n, %k1, [%s3] (%s37: i32, %s34: i32) {
%s38 = ring %s30 {by = 2, slots = 3} : i32
shared_store %r, %d, %o0, _, %s38
%s41 = shared_load %r, %o0, %s38 : f32[1]
%s42 = shared_load %a, %o0 : f32[1]
%s45 = for %k0, %n, %k1, [%s3] (%s46: i32, %s43: i32) {
%s47 = ring %s43 {by = 0, slots = 3} : i32
shared_store %r, %d, %o0, _, %s47
%s50 = shared_load %r, %o0, %s47 : f32[1]
%s51 = ring %s30 {by = 1, slots = 3} : i32
shared_store %r, %d, %o0, _, %s51
%s55 = ring %s43 {by = 2, slots = 3} : i32
yield [%s55]
} : i32
%s58 = for %k0, %n, %k1, [%s45] (%s59: i32, %s56: i32) {
%s60 = shared_load %b, %o1 : f32[1]
%s61 = ring %s26 {by = 0, slots = 3} : i32
%s62 = shared_load %r, %o1, %s61 : f32[1]
shared_store %a, %d, %o1
%s65 = ring %s56 {by = 1, slots = 3} : i32
yield [%s65]
} : i32
%s66 = ring %s34 {by = 1, slots = 3} : i32
yield [%s66]
} : i32"""  # loops in loops, whose rings go round apart: what is known of their slots is more with each trip
MANY_SLOTS = "\n".join([HEAD, BUFFERS, BODY, "yield []", "}"])
LEAVES = (
    "store",
    "store",
    "load",
    "load",
    "read",
    "write",
    "read",
    "write",
    "copy",
    "wait",
    "own",
    "scratch",
    "landing",
)
NESTS = ("if", "for", "for", "while")


class Writer:
    """Writes one program, every choice drawn."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.count = draw, 0

    def name(self) -> str:
        self.count += 1
        return f"%s{self.count}"

    def pick(self, seen: list[str]) -> str:
        return self.draw(st.sampled_from(seen))

    def block(self, seen: list[str], depth: int) -> list[str]:
        """Lines, ``seen`` growing by the slots that they make."""
        lines = []
        kinds = (*LEAVES, *NESTS) if depth else LEAVES
        for kind in self.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)):
            lines += self.nest(kind, seen, depth) if kind in NESTS else self.leaf(kind, seen)
        return lines

    def leaf(self, kind: str, seen: list[str]) -> list[str]:
        offsets, plain = f"%o{self.draw(st.integers(0, 1))}", self.pick(["%a", "%b"])
        if kind == "store":
            return [f"shared_store {plain}, %d, {offsets}"]
        if kind == "load":
            return [f"{self.name()} = shared_load {plain}, {offsets} : f32[1]"]
        if kind == "scratch":
            return self.scratch(seen, f"shared_store {{}}, %d, {offsets}")
        if kind == "landing":
            copy = [f"async_copy {{}}, {offsets}, %x, %o1", f"{self.name()} = async_commit : token"]
            return self.scratch(seen, *copy, f"async_wait {{{{pending = {self.draw(st.integers(0, 1))}}}}}")
        if kind == "wait":
            return [f"async_wait {{pending = {self.draw(st.integers(0, 2))}}}"]
        slot, made = self.name(), [self.pick(seen), self.draw(st.integers(0, 2))]
        lines = [f"{slot} = ring {made[0]} {{by = {made[1]}, slots = 3}} : i32"]
        seen.append(slot)
        accesses = {
            "write": [f"shared_store %r, %d, {offsets}, _, {slot}"],
            "read": [f"{self.name()} = shared_load %r, {offsets}, {slot} : f32[1]"],
            "copy": [f"async_copy %r, {offsets}, %x, %o1, _, {slot}", f"{self.name()} = async_commit : token"],
            "own": [f"shared_store %r, %d, %o0, _, {slot}", f"{self.name()} = shared_load %r, %o0, {slot} : f32[1]"],
        }
        return lines + accesses[kind]

    def scratch(self, seen: list[str], *lines: str) -> list[str]:
        """A buffer made, written, and read somewhat later."""
        buffer, count = self.name(), self.draw(st.sampled_from([64, 96, 160]))
        made = [
            f"{buffer} = shared {{of = f32, count = {count}}} : shared<f32[{count}]>",
            *(t.format(buffer) for t in lines),
        ]
        between = self.leaf(self.pick(["load", "store", "write", "wait", "scratch"]), seen)
        return [*made, *between, f"{self.name()} = shared_load {buffer}, %o1 : f32[1]"]

    def nest(self, kind: str, seen: list[str], depth: int) -> list[str]:
        entry, p, q, r, i = self.pick(seen), *(self.name() for _ in range(4))
        if kind == "if":
            sides = [self.inside(seen, depth, None), self.inside(seen, depth, None)]
            lines = [f"{r} = if %c () {{", *sides[0], "} () {", *sides[1], "} : i32"]
        elif kind == "for":
            head = f"{r} = for %k0, %n, %k1, [{entry}] ({i}: i32, {p}: i32) {{"
            lines = [head, *self.inside(seen, depth, p), "} : i32"]
        else:
            asked = [f"{r} = while [{entry}] ({q}: i32) {{", *self.block([*seen, q], 0)]
            asked += [f"{i} = lt {q}, %k1 : bool", f"yield [{i}]"]
            lines = [*asked, f"}} ({p}: i32) {{", *self.inside(seen, depth, p), "} : i32"]
        seen.append(r)
        return lines

    def inside(self, seen: list[str], depth: int, param: str | None) -> list[str]:
        """A block that yields a slot: in loops that of its parameter some steps further."""
        seen = [*seen] if param is None else [*seen, param]
        lines = self.block(seen, depth - 1)
        out, by = self.name(), self.draw(st.integers(1, 2))  # one that stays would be a number known only to reason
        lines.append(f"{out} = ring {param or self.pick(seen)} {{by = {by}, slots = 3}} : i32")
        return [*lines, f"yield [{out}]"]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """The text of a function."""
    writer = Writer(draw)
    return "\n".join([HEAD, BUFFERS, *writer.block(["%k0", "%k1"], 2), "yield []", "}"])
