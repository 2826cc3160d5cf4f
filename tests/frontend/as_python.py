"""Functions of compile-time values only: Python runs them, and traced they come to the same."""

import math


def lists() -> None:
    xs = [3, 1, 2]
    xs.append(7)
    xs.extend((8, 9))
    xs.insert(1, -1)
    xs[0] += 10
    xs[-1] = 0
    assert xs == [13, -1, 1, 2, 7, 8, 0] and len(xs) == 7
    xs += [5]
    xs *= 2
    assert xs[7:9] == [5, 13] and xs[::-5] == [5, 1, 8, 13] and 5 in xs and 6 not in xs
    xs.clear()
    assert not xs and xs == [] and xs != ()
    xs.append((1, 2))
    assert xs == [(1, 2)] and xs != [[1, 2]]


def names_of_lists() -> None:
    xs = ys = [1, 2]
    assert xs == ys
    xs = xs + [3]  # noqa: RUF005
    xs.append(4)
    assert ys == [1, 2] and xs == [1, 2, 3, 4]
    zs, ys = ys, list(xs)
    ys[0] = 9
    assert zs == [1, 2] and xs[0] == 1
    rows = [[0] * 2 for _ in range(3)]
    rows[1][0] = 5
    rows[2].append(6)
    assert rows == [[0, 0], [5, 0], [0, 0, 6]]


def comprehensions() -> None:
    k = 100
    assert [k * 2 for k in range(6) if k % 2 if k > 1] == [6, 10] and k == 100
    assert [(i, j) for i in range(3) for j in range(i)] == [(1, 0), (2, 0), (2, 1)]
    assert sum(i * i for i in range(4)) == 14 and tuple(-i for i in (1, 2)) == (-1, -2)
    assert [a + b for a, b in zip((1, 2, 3), [10, 20])] == [11, 22]  # noqa: B905
    assert [[c for c in row] for row in ((1, 2), (3,))] == [[1, 2], [3]]


def builtins() -> None:
    assert list(enumerate("ab" and (4, 5), 1)) == [(1, 4), (2, 5)]
    assert list(reversed([1, 2, 3])) == [3, 2, 1] and tuple(range(5, 0, -2)) == (5, 3, 1) and len(range(7)) == 7
    assert sum([1, 2], 3) == 6 and max([4, 9, 2]) == 9 and min((4, 2)) == 2 and max(i % 3 for i in range(5)) == 2
    assert any([0, 1]) and not all([1, 0]) and all([]) and not any([])
    assert sorted([3, 1, 2], reverse=True) == [3, 2, 1] and sorted((2.5, -1)) == [-1, 2.5]


def unpacking() -> None:
    first, *rest = [1, 2, 3]
    *head, last = (4, 5)
    (a, (b, c)), d = (1, [2, 3]), 4
    assert rest == [2, 3] and head == [4] and last == 5 and a + b + c + d == 10 and first == 1
    assert [*rest, 0, *head] == [2, 3, 0, 4] and (*rest,) == (2, 3) and max(*rest) == 3
    total = 0
    for x, y in ((1, 2), (3, 4)):
        total += x * y
    x = y = total
    assert x == y == 14 and (x if x > 3 else 0) == 14 and f"{x:>4}|{[1.5, 'a']}|{y!r}" == "  14|[1.5, 'a']|14"
    assert math.sqrt(16) == 4.0 and math.isqrt(17) == 4 and math.pi > 3


def leaving() -> None:
    seen = []
    for k in (0, 1, 2, 3, 4):
        if k == 1:
            continue
        for j in [5, 6]:
            if j == 6:
                break
            seen.append((k, j))
        if k == 3:
            break
    assert seen == [(0, 5), (2, 5), (3, 5)]
    xs = [1, 2, 3]
    for i, x in enumerate(xs):
        xs[i] = x * x
    assert xs == [1, 4, 9]
    if xs:
        return
    raise AssertionError
