"""A product of matrices as threads compute it: copies three slots ahead, ldmatrix, mma.sync; as text."""

LOAD_A, LOAD_B = ("ldmatrix.sync.aligned.m8n8.x4.shared.b16", "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16")
ATOM = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
N, BK = 128, 32  # columns and rows of the block's tile; depth of a step


class Writer:
    """Lines of a body; each number or array gets a name."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def let(self, text: str, kind: str) -> str:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {text} : {kind}")
        return name

    def number(self, value: int) -> str:
        return self.let(f"constant {{value = {value}, of = i32}}", "i32")

    def numbers(self, values: list[int]) -> str:
        return self.let(f"numbers {{values = {values}, of = i32}}", f"i32[{len(values)}]")

    def splat(self, x: str, count: int) -> str:
        return self.let(f"splat {x} {{shape = [{count}]}}", f"i32[{count}]")

    def each(self, op: str, x: str, value: int, count: int) -> str:
        """``x op value`` in every register."""
        return self.let(f"{op} {x}, {self.splat(self.number(value), count)}", f"i32[{count}]")

    def scalar(self, op: str, x: str, value: int) -> str:
        return self.let(f"{op} {x}, {self.number(value)}", "i32")

    def plus(self, *xs: str, count: int = 0) -> str:
        total, *rest = xs
        for x in rest:
            total = self.let(f"add {total}, {x}", f"i32[{count}]" if count else "i32")
        return total


def tile(w: Writer, columns: int, stride: str) -> tuple[str, str]:
    """Where this thread's 4 vectors of 8 go in shared memory, and where they come from, for 128 threads."""
    index = w.plus(w.splat("%t", 4), w.numbers([128 * v for v in range(4)]), count=4)
    row, column = w.each("floordiv", index, columns // 8, 4), w.each("mod", index, columns // 8, 4)
    eight = w.each("mul", column, 8, 4)
    wide = w.let(f"mul {row}, {w.splat(stride, 4)}", "i32[4]")
    return w.each("mul", index, 8, 4), w.plus(wide, eight, count=4)


def rows_of_warp(w: Writer, first: str, stride: int, steps: list[int]) -> str:
    """The address that each lane gives for 16 rows by 16 columns, at each of ``steps``."""
    lane = w.scalar("mod", "%t", 32)
    row, half = w.scalar("mod", lane, 16), w.scalar("floordiv", lane, 16)
    at = w.plus(w.scalar("mul", row, stride), w.scalar("mul", half, 8), first)
    return w.plus(w.splat(at, len(steps)), w.numbers(steps), count=len(steps))


def out_offsets(w: Writer, warp_m: str, warp_n: str) -> str:
    lane = w.scalar("mod", "%t", 32)
    row, pair = w.scalar("floordiv", lane, 4), w.scalar("mod", lane, 4)
    base = w.plus(
        w.scalar("mul", warp_m, 64 * N), w.scalar("mul", warp_n, 64), w.scalar("mul", row, N), w.scalar("mul", pair, 2)
    )
    steps = [(16 * i + 8 * h) * N + 8 * j for i in range(4) for j in range(8) for h in range(2)]
    return w.plus(w.splat(base, 64), w.numbers(steps), count=64)


def matmul(depth: int) -> str:
    """c[128, 128] = a[128, depth] @ b[depth, 128] by one block of 4 warps."""
    w = Writer()
    k, one, steps = w.number(depth), w.number(1), w.number(depth // BK)
    to_a, from_a = tile(w, BK, k)
    to_b, from_b = tile(w, N, w.number(N))
    warp = w.scalar("floordiv", "%t", 32)
    warp_m, warp_n = w.scalar("floordiv", warp, 2), w.scalar("mod", warp, 2)
    first_a, first_b = w.scalar("mul", warp_m, 64 * BK), w.scalar("mul", warp_n, 64)
    at_a = [rows_of_warp(w, first_a, BK, [16 * i * BK + 16 * kk for i in range(4)]) for kk in range(2)]
    at_b = [rows_of_warp(w, first_b, N, [16 * kk * N + 16 * j for j in range(4)]) for kk in range(2)]
    out = out_offsets(w, warp_m, warp_n)
    zero, two = w.number(0), w.number(2)
    head = "\n".join(w.lines)
    return f"""func @matmul(
    %a: tensor<f16[M, K], strides=[_, 1], align=16>, %b: tensor<f16[K, N], strides=[_, 1], align=16>,
    %c: tensor<f32[M, N], strides=[_, 1], align=16>) warps(4, sm_80) {{
  %t = thread_id : i32
{head}
  %sa = shared {{of = f16, count = {128 * BK}, slots = 3}} : shared<f16[{3 * 128 * BK}]>
  %sb = shared {{of = f16, count = {BK * N}, slots = 3}} : shared<f16[{3 * BK * N}]>
  %f0 = constant {{value = 0.0, of = f32}} : f32
  %acc = splat %f0 {{shape = [128]}} : f32[128]
{copies("p", to_a, from_a, to_b, from_b, zero, zero, steps)}
{copies("q", to_a, from_a, to_b, from_b, one, one, steps)}
  %done, %last = for {zero}, {steps}, {one}, [%acc, {zero}] (%i: i32, %sum: f32[128], %slot: i32) {{
    async_wait {{pending = 1}} ; wait
    barrier {{}} ; barrier
    %ahead = ring %slot {{by = 2, slots = 3}} : i32
    %next = add %i, {two} : i32
{copies("r", to_a, from_a, to_b, from_b, "%next", "%ahead", steps)}
    %fa0 = matrix_load %sa, {at_a[0]}, %slot {{copy = "{LOAD_A}", words = 4}} : f16[32]
    %fb0 = matrix_load %sb, {at_b[0]}, %slot {{copy = "{LOAD_B}", words = 4}} : f16[32]
    %sum0 = mma %fa0, %fb0, %sum {{atom = "{ATOM}", grid = [4, 8, 1]}} : f32[128]
    %fa1 = matrix_load %sa, {at_a[1]}, %slot {{copy = "{LOAD_A}", words = 4}} : f16[32]
    %fb1 = matrix_load %sb, {at_b[1]}, %slot {{copy = "{LOAD_B}", words = 4}} : f16[32]
    %sum1 = mma %fa1, %fb1, %sum0 {{atom = "{ATOM}", grid = [4, 8, 1]}} : f32[128]
    %further = ring %slot {{by = 1, slots = 3}} : i32
    yield [%sum1, %further]
  }} : f32[128], i32
  global_store %c, %done, {out} {{width = 2}}
  yield []
}}"""


def copies(name: str, to_a: str, from_a: str, to_b: str, from_b: str, step: str, slot: str, steps: str) -> str:
    """Both tiles of a step on their way to a slot; nothing where there is no such step."""
    return f"""  %{name}.bk = constant {{value = {BK}, of = i32}} : i32
  %{name}.k = mul {step}, %{name}.bk : i32
  %{name}.n = constant {{value = {BK * N}, of = i32}} : i32
  %{name}.kn = mul {step}, %{name}.n : i32
  %{name}.k4 = splat %{name}.k {{shape = [4]}} : i32[4]
  %{name}.kn4 = splat %{name}.kn {{shape = [4]}} : i32[4]
  %{name}.a = add {from_a}, %{name}.k4 : i32[4]
  %{name}.b = add {from_b}, %{name}.kn4 : i32[4]
  %{name}.c = lt {step}, {steps} : bool
  %{name}.m = splat %{name}.c {{shape = [4]}} : bool[4]
  async_copy %sa, {to_a}, %a, %{name}.a, %{name}.m, {slot} {{width = 8}} ; {name}
  async_copy %sb, {to_b}, %b, %{name}.b, %{name}.m, {slot} {{width = 8}}
  %{name}.g = async_commit : token"""
