#!/bin/sh
# The tests that need a GPU, and then the benchmark, without a network. `tilevm bench carry` made this folder.
#
#   ./run.sh            both
#   ./run.sh test       the tests alone; ./run.sh bench: the benchmark alone; ./run.sh dry: every case, tiny, on the CPU
#
# Settings: PYTHON=python3; OUT=results, where logs and figures go; TEST_SECONDS=240 and BENCH_SECONDS=270, what each
# may take; JOBS=8 processes of tests; ONLY= words of the cases to measure.
set -u
here=$(cd "$(dirname "$0")" && pwd)
PYTHON=${PYTHON:-python3}
OUT=${OUT:-$here/results}
JOBS=${JOBS:-8}
mkdir -p "$OUT" || exit 2
OUT=$(cd "$OUT" && pwd)
cd "$here/checkout" || exit 2

missing=$("$PYTHON" "$here/missing.py") || exit 2
export PYTHONPATH="$here/checkout$missing"
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1  # the machine's own plugins may warn, and warnings are errors here
export TILEVM_CUBINS="$here/cubins" TILEVM_COMMIT="$(cat "$here/commit")"
status=0

tests() {
    echo "tests on the GPU:"
    timeout "${TEST_SECONDS:-240}" "$PYTHON" -m pytest -q -p xdist.plugin -n "$JOBS" -p no:cacheprovider -m gpu \
        tests/tiles tests/agreement tests/examples tests/library tests/gpu >"$OUT/tests.log" 2>&1 || status=1
    grep -q ' passed' "$OUT/tests.log" || status=1  # all are skipped where there is no card
    tail -n 15 "$OUT/tests.log"
}

measure() {
    name=$1
    shift
    echo "benchmark:"
    "$PYTHON" -m tilevm bench gpu "$@" --only "${ONLY:-}" --json "$OUT/$name.json" >"$OUT/$name.log" 2>&1 || status=1
    tail -n 5 "$OUT/$name.log"
    "$PYTHON" -m tilevm bench report "$OUT/$name.json" >"$OUT/$name.md" 2>>"$OUT/$name.log" || status=1
}

case "${1:-all}" in
    test) tests ;;
    bench) measure gpu --budget "${BENCH_SECONDS:-270}" ;;
    dry) measure dry --dry ;;
    all) tests; measure gpu --budget "${BENCH_SECONDS:-270}" ;;
    *) echo "$0: test, bench, dry, or nothing for test and bench" >&2; exit 2 ;;
esac
exit "$status"
