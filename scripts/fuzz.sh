#!/bin/sh
# scripts/fuzz.sh 1000x   runs every fuzz target so often, or for so long (30s), one after the other. A finding stays in testdata/fuzz of its package: keep it when it is mended.
set -eu
time=${1:-1000x}
cache=$PWD/.cache/fuzz
mkdir -p "$cache"
for dir in $(grep -rl --include='*_test.go' '^func Fuzz' server | xargs -n1 dirname | sort -u); do
	binary=$cache/$(echo "$dir" | tr / -).test
	${GO:-go} test -c -fuzz=. -o "$binary" "./$dir"
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$dir"/*_test.go); do
		out=$(cd "$dir" && "$binary" -test.run='^$' -test.fuzz="^$target\$" -test.fuzztime="$time" -test.parallel=2 -test.fuzzcachedir="$cache/corpus/$dir" 2>&1) ||
			{ echo "$dir: $out"; exit 1; }
	done
done
echo "fuzz: every target $time, nothing found"
