"""One nest of loops: every element of a domain made and written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import Any

from tilevm.ir import Table, Value, ops

from . import access, arithmetic, bytewise, folding, foreseen, inside, streaming
from .access import Row
from .casts import convert
from .context import Context
from .emit import I64, LLVM, lanes_of
from .index import Map, Node, identity, inputs, is_tile, shape
from .placement import Panels
from .points import both, dtype_of, points, write
from .steps import Fold, Group, Keep, Root, Write, sources

leaf: Table[[Nest, Node, LLVM, int, int], LLVM] = Table("an element read from memory")
AHEAD = 4096  # bytes ahead that a stream of packed elements is asked for
SEEN = (ops.Broadcast, ops.Permute, ops.Reshape)  # which give elements of their operand another place
UNROLL = ((6, 4), (20, 2))  # instructions in the body, vectors a trip


class Nest:
    """Emits a group. The last dimension with more than one element runs in vectors, those before it in loops."""

    def __init__(self, c: Context, group: Group, places: dict[Value, Panels] | None = None) -> None:
        self.c, self.group, self.places = c, group, places or {}
        self.loops = [d for d, extent in enumerate(group.domain) if extent > 1]
        self.vector = self.loops[-1] if self.loops else None
        self.where: dict[int, LLVM] = {}
        self.made: list[dict[Any, Any]] = [{}]
        self.making = group.made.union(*(c.scheduler.begun(r) for r in group.roots))
        self.nodes = list(dict.fromkeys(n for r in group.roots for n in c.scheduler.nodes(r, self.making)))
        self.bytes = [n for n in self.nodes if self.by_bytes(n)]
        self.sure = False  # whether every box lies inside
        self.ahead = c.e.i64(AHEAD)
        self.slots: dict[Fold, LLVM] = {}
        self.further: dict[ops.Load, LLVM] = {}  # bytes to the boxes that the next program reads
        self.at_once: list[dict[Node, LLVM]] = []  # for each vector of the present trip, what was made for all of them

    def emit(self) -> None:
        for root in self.group.roots:
            if isinstance(root, Fold) and root.op.axis != self.vector:
                folding.fill(self, root)
        writes = any(isinstance(r, Write) for r in self.group.roots)
        self.further = foreseen.distances(self.c, self.loads()) if writes else {}
        if inside.looked_at(self.group.domain, bool(self.bytes), writes):
            self.twice(lambda: self.level(0))
        else:
            self.level(0)

    def twice(self, make: Callable[[], object]) -> None:
        """The code that ``make`` emits, once for boxes that lie inside their tensors and once for others."""
        stores = [r.op for r in self.group.roots if isinstance(r, Write) and isinstance(r.op, ops.Store)]
        for sure in inside.branches(self.c, [*self.loads(), *stores]):
            self.sure, self.made, self.where = sure, [{}], {}
            make()

    # levels of the nest ---------------------------------------------------------------------------------------

    def depth(self, map: Map) -> int:
        """How many loops an element under ``map`` depends on, counted from the outermost."""
        return max((self.loops.index(m) + 1 for m in map if m in self.loops), default=0)

    def level(self, depth: int) -> None:
        """The code inside ``depth`` loops."""
        self.prepare(depth)
        lot = folding.turns(self) if depth == len(self.loops) - 2 else 0
        if lot:
            folding.in_lots(self, depth, lot)
        elif depth < len(self.loops) - 1:
            extent = self.group.domain[self.loops[depth]]
            self.c.e.loop(extent, [], lambda i, _: self.inside(self.loops[depth], i, depth + 1))
        elif self.loops:
            self.vectors()
        else:
            self.write([self.roots_values(self.c.e.i64(0), 0, 0)], self.c.e.i64(0), 0, 0)

    def inside(self, loop: int, i: LLVM, depth: int) -> list[LLVM]:
        self.where[loop] = i
        self.made.append({})
        self.level(depth)
        self.made.pop()
        return []

    def prepare(self, depth: int) -> None:
        """Make what does not change in deeper loops: elements, and the rows that the vectors walk along."""
        for node in self.nodes:
            if self.depth(node.map) == depth and depth < len(self.loops):
                self.value(node, self.c.e.i64(0), 0, 0)
            elif self.from_memory(node) and self.outer(node.map) == depth:
                self.row(node)
        for root in self.group.roots:
            if self.loops and not isinstance(root, Fold) and len(self.loops) - 1 == depth:
                self.target(root)

    def outer(self, map: Map) -> int:
        """The depth of ``map`` without the vector dimension; -1 for a map that does not have it."""
        return self.depth(tuple(m for m in map if m != self.vector)) if self.vector in map else -1

    def find(self, key: Any) -> Any:
        return next((made[key] for made in reversed(self.made) if key in made), None)

    def keep(self, key: Any, found: Any) -> Any:
        self.made[-1][key] = found
        return found

    # elements -------------------------------------------------------------------------------------------------

    def from_memory(self, node: Node) -> bool:
        return is_tile(node.value) and (
            not self.c.scheduler.opens(node.value, self.making) or isinstance(node.value.owner, ops.Load)
        )

    def value(self, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
        """The element, or the vector of elements, of a node at the present indices."""
        if not is_tile(node.value):
            return self.c.numbers[node.value]
        if self.at_once and node in self.at_once[0]:
            return self.at_once[0][node]
        across = self.vector is not None and self.vector in node.map and lanes > 0
        known = self.find(node)
        if known is not None:
            return known
        return self.keep(node, self.make(node, j, lanes if across else 0, tail if across else 0))

    def make(self, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
        op = node.value.owner
        if not self.c.scheduler.opens(node.value, self.making):
            return self.read(node, j, lanes, tail)
        assert op is not None
        if type(op) in leaf:
            return leaf(op, self, node, j, lanes, tail)
        xs = [self.value(n, j, lanes, tail) for n in inputs(op, node.map)]
        if isinstance(op, (*SEEN, ops.Splat)):
            return xs[0]
        width = max(lanes_of(x) for x in xs)
        return arithmetic.compute(op, self.c.e, [self.c.e.splat(x, width) for x in xs])

    def row(self, node: Node) -> Row:
        known = self.find(("row", node))
        found: Row = self.keep(("row", node), self.find_row(node)) if known is None else known
        return found

    def find_row(self, node: Node) -> Row:
        op = node.value.owner
        vector = self.vector if self.vector in node.map else None
        if isinstance(op, ops.Load) and self.c.scheduler.opens(node.value, self.making):
            found = access.tensor_row(self.c, op, node.map, self.where, vector, self.sure)
            return foreseen.asked(self.c, op, found, self.further)
        if node.value in self.c.memory.of and node.value not in self.making:
            return access.buffer_row(self.c, node.value, shape(node.value), node.map, self.where, vector)
        if isinstance(op, ops.Slice):
            return access.buffer_row(self.c, op.x, shape(op.x), node.map, self.where, vector, op.starts)
        value = op.x if isinstance(op, ops.Reshape) else node.value
        return access.buffer_row(self.c, value, shape(node.value), node.map, self.where, vector)

    def read(self, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
        """An element of a kept value."""
        row = self.row(node)
        if lanes:
            tail = tail if row.stride != 1 else 0  # a vector past the end stays in scratch, a column may not
            found = access.load_vector(self.c, row, j, lanes, tail, None)
        else:
            found = access.load_scalar(self.c, row, None)
        return convert(self.c.e, found, row.element, dtype_of(node.value))

    # the innermost loop ---------------------------------------------------------------------------------------

    def vectors(self) -> None:
        """The vector loop, without masks where every row that it walks along lies inside.

        Masked stores take several times as long as plain ones (15 cycles a vector on Zen 5), so two loops pay.
        """
        assert self.vector is not None
        extent = self.group.domain[self.vector]
        masked = [r for r in self.walked() if r.masked]
        if not masked:
            self.whole_rows(extent)
            return
        counts = dict.fromkeys(r.count for r in masked)
        whole = [self.c.e.b.icmp_signed("==", n, self.c.e.index(extent)) for n in counts]
        full = reduce(self.c.e.b.and_, whole)
        with self.c.e.fork(full) as (inside, ragged):
            with inside, self.instead({row: replace(row, count=None) for row in masked}):
                self.whole_rows(extent)
            with ragged:
                self.vector_loop(extent, self.end())

    def walked(self) -> list[Row]:
        """The rows that the vectors walk along."""
        return [r for made in self.made for r in made.values() if isinstance(r, Row)]

    @contextmanager
    def instead(self, rows: Mapping[Row, Row]) -> Iterator[None]:
        """Inside, other rows stand where some of those made before do."""
        before = self.made
        self.made = [{k: rows.get(v, v) if isinstance(v, Row) else v for k, v in made.items()} for made in before]
        yield
        self.made = before

    def whole_rows(self, extent: int) -> None:
        """The vector loop where nothing is masked; from memory to a large tensor it may stream.

        Elsewhere it would wait: what is computed in between leaves the caches time to write (layer norm took 1.3
        times as long with Zen 4).
        """
        (root, *others), lanes = self.group.roots, folding.lanes_for(self, extent)
        store = root.op if isinstance(root, Write) and root.op in self.c.streamable else None
        scratch = any(self.from_memory(n) and not isinstance(n.value.owner, ops.Load) for n in self.nodes)
        if others or not isinstance(store, ops.Store) or scratch:
            self.vector_loop(extent)
            return
        self.c.streams = True
        with self.c.e.fork(streaming.large(self.c, store.tensor)) as (streams, stays):
            with streams:
                row = self.target(root)
                anywhere = {r: replace(r, sure=False) for r in self.walked() if r.bit is not None}  # begin in a byte

                def vectors(target: Row, at: list[LLVM]) -> None:
                    with self.instead({**anywhere, row: target}):
                        self.several(at, [], [], lanes, 1)

                streaming.stream(self.c, row, extent, lanes, max(2, self.trip()), vectors)
            with stays:
                self.vector_loop(extent)

    def end(self) -> LLVM | None:
        """The lane behind the last one stored, where all that the group does is store; None elsewhere.

        Vectors past it would change nothing, and masked accesses to pages that are not there take microseconds.
        """
        if not all(isinstance(r, Write) and isinstance(r.op, ops.Store) for r in self.group.roots):
            return None
        ends = []
        for row in map(self.target, self.group.roots):
            if not row.masked:
                return None
            ends.append(self.c.e.b.add(row.first, row.count))
        b = self.c.e.b
        return b.zext(reduce(lambda x, y: b.select(b.icmp_signed(">", x, y), x, y), ends), I64)

    def vector_loop(self, extent: int, end: LLVM | None = None) -> None:
        """Whole trips of several vectors, vectors that remain, and a part of one; with ``end`` vectors up to there."""
        lanes = folding.lanes_for(self, extent)
        whole, tail = divmod(extent, lanes)
        trip = min(self.trip(), max(whole, 1))
        folds = [r for r in self.group.roots if isinstance(r, Fold) and r.op.axis == self.vector]
        start = [folding.neutral(self, f, lanes) for f in folds for _ in range(trip)]
        e = self.c.e

        def body(i: LLVM, sums: list[LLVM]) -> list[LLVM]:
            base = e.b.mul(i, e.i64(trip * lanes))
            return self.several([e.b.add(base, e.i64(u * lanes)) for u in range(trip)], sums, folds, lanes, trip)

        if end is not None:
            needed = e.b.udiv(e.b.add(end, e.i64(lanes - 1)), e.i64(lanes))
            needed = e.b.select(e.b.icmp_signed("<", needed, e.i64(whole)), needed, e.i64(whole))
            sums = e.loop(needed, [], lambda i, _: self.several([e.b.mul(i, e.i64(lanes))], [], [], lanes, 1))
        else:
            if self.bytes and whole // trip <= 2:  # a loop of few trips costs more than they do
                sums = start
                for n in range(whole // trip):
                    sums = body(e.i64(n), sums)
            else:
                sums = e.loop(whole // trip, start, body)
            rest = [e.i64(k * lanes) for k in range(whole - whole % trip, whole)]
            sums = self.several(rest, sums, folds, lanes, trip)
        if tail:
            sums = self.several([e.i64(whole * lanes)], sums, folds, lanes, trip, tail)
        for n, fold in enumerate(folds):
            folding.finish(self, fold, sums[n * trip : (n + 1) * trip])

    def trip(self) -> int:
        count = sum(1 for n in self.nodes if self.vector in n.map)
        if self.bytes:
            return bytewise.COUNT // bytewise.LANES
        return next((unroll for limit, unroll in UNROLL if count <= limit), 1)

    def several(
        self, at: Sequence[LLVM], sums: list[LLVM], folds: list[Fold], lanes: int, trip: int, tail: int = 0
    ) -> list[LLVM]:
        """The vectors at these places; the k-th of each fold's partial sums takes the k-th."""
        sums = list(sums)
        self.at_once = self.bytewise(at, lanes, tail)
        for u, j in enumerate(at):
            self.made.append({})
            values = self.roots_values(j, lanes, tail)
            for n, fold in enumerate(folds):
                x = folding.fit(self, fold, self.c.e.splat(values[fold], lanes), lanes, tail)
                place = n * trip + u
                sums[place] = arithmetic.combine(fold.op, self.c.e, folding.total(self, fold), sums[place], x)
            self.write([values], j, lanes, tail)
            self.made.pop()
            self.at_once = self.at_once[1:]
        return sums

    def bytewise(self, at: Sequence[LLVM], lanes: int, tail: int) -> list[dict[Node, LLVM]]:
        """Casts of loaded bytes and packed elements, made for all vectors of a trip together."""
        if len(at) * lanes != bytewise.COUNT or tail:
            return []
        out: list[dict[Node, LLVM]] = [{} for _ in at]
        for node in self.bytes:
            row = self.row(self.source(node))
            if row.stride == 1 and row.count is None:
                made = bytewise.convert(self.c, row, at[0], dtype_of(node.value), self.ahead)
                for found, vector in zip(out, made, strict=True):
                    found[node] = vector
        return out

    def source(self, node: Node) -> Node:
        """What an instruction takes, whatever else names the same elements."""
        assert node.value.owner is not None
        (node, *_) = inputs(node.value.owner, node.map)
        while isinstance(node.value.owner, SEEN) and self.c.scheduler.opens(node.value, self.making):
            (node,) = inputs(node.value.owner, node.map)
        return node

    def by_bytes(self, node: Node) -> bool:
        """Whether a node is a cast that tables make, of elements loaded along the vectors."""
        op = node.value.owner
        if not isinstance(op, ops.Cast) or not self.c.scheduler.opens(node.value, self.making):
            return False
        source = self.source(node)
        return self.loaded(source) and self.vector in node.map and bytewise.serves(self.c.e, op, dtype_of(source.value))

    def loads(self) -> list[ops.Load]:
        return [op for n in self.nodes if self.loaded(n) and isinstance(op := n.value.owner, ops.Load)]

    def loaded(self, node: Node) -> bool:
        return isinstance(node.value.owner, ops.Load) and self.c.scheduler.opens(node.value, self.making)

    def roots_values(self, j: LLVM, lanes: int, tail: int) -> dict[Any, Any]:
        """What each root reads; all are made before any is written, as they may share memory."""
        out: dict[Any, Any] = {}
        for root in self.group.roots:
            values = [self.value(Node(v, identity(len(shape(v)))), j, lanes, tail) for v in sources(root)]
            out[root] = values if isinstance(root, Write) else values[0]
        return out

    # roots ----------------------------------------------------------------------------------------------------

    def write(self, values: list[dict[Any, Any]], j: LLVM, lanes: int, tail: int) -> None:
        for root in self.group.roots:
            held = values[0][root]
            if isinstance(root, Write) and not isinstance(root.op, ops.Store):
                self.scatter(root.op, [self.c.e.splat(x, lanes) for x in held], tail)
            elif isinstance(root, Write):
                self.store(self.target(root), held[0], j, lanes, tail)
            elif isinstance(root, Keep):
                row = self.target(root)
                self.store(row, convert(self.c.e, held, dtype_of(root.value), row.element), j, lanes, tail, root)
            elif root.op.axis != self.vector:
                folding.accumulate(self, root, held, j, lanes, tail)

    def store(self, row: Row, value: LLVM, j: LLVM, lanes: int, tail: int, root: Root | None = None) -> None:
        place = self.places.get(root.into) if isinstance(root, Keep) else None
        if not lanes:
            access.store_scalar(self.c, row, value)
        elif place is not None and self.vector == 1:
            place.store(self.c, row.base, self.c.e.splat(value, lanes), j)
        else:
            access.store_vector(self.c, row, self.c.e.splat(value, lanes), j, tail)

    def target(self, root: Root) -> Row:
        """The row that a root writes."""
        known: Row | None = self.find(("target", root))
        if known is not None:
            return known
        whole = identity(len(self.group.domain))
        if isinstance(root, Write):
            if not isinstance(root.op, ops.Store):
                return Row(self.c.scratch, dtype_of(root.op.value), 1)
            made = access.tensor_row(self.c, root.op, whole, self.where, self.vector, self.sure)
        elif isinstance(root, Keep):
            if (place := self.places.get(root.into)) is not None:
                made = place.row(self.c, self.where, self.vector)
            else:
                made = access.buffer_row(self.c, root.into, shape(root.into), whole, self.where, self.vector)
        else:
            made = folding.fold_row(self, root)
        self.keep(("target", root), made)
        return made

    def scatter(self, op: ops.Scatter | ops.PointerStore, held: list[LLVM], tail: int) -> None:
        value, *rest = held
        indices = rest[: len(op.indices)] if isinstance(op, ops.Scatter) else rest[:1]
        mask = rest[len(indices)] if op.mask is not None else None
        memory = op.tensor if isinstance(op, ops.Scatter) else op.pointer
        address, inside = points(self.c, op, memory, indices)
        exists = both(self.c, mask, inside)
        if tail:
            exists = both(self.c, exists, self.c.e.head(tail, lanes_of(value)))
        write(self.c, memory, address, value, exists)
