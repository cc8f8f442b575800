#!/usr/bin/env bash
# Builds the fuzzer with a sanitizer and runs it: exit status 1 at the first report.
#
#   Tests/Fuzz/sanitize.sh address|thread FOLDER [FACTOR]
#
# address: readers, passes, planner and portable kernels; emitted code is not instrumented. thread: pools, sessions and
# classifiers shared by threads. FOLDER keeps the build; FACTOR (1) multiplies the number of cases.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -ge 2 ] || { sed -n '4p' "${BASH_SOURCE[0]}" >&2; exit 2; }
kind=$1 factor=${3:-1}
mkdir -p "$2"
folder=$(cd "$2" && pwd)

# The thread sanitizer does not see the futex of `Synchronization.Mutex`: what such a lock orders would be reported as a
# race. In a copy of the sources each is replaced by one over pthread_mutex_t.
tree=$root
if [ "$kind" = thread ]; then
  tree=$folder/tree
  mkdir -p "$tree"
  for part in Package.swift Plugins Sources Tests Benchmarks; do
    rm -rf "${tree:?}/$part.new"
    cp -rp "$root/$part" "$tree/$part.new"
    rm -rf "${tree:?}/$part"
    mv "$tree/$part.new" "$tree/$part"
  done
  { grep -rlw Mutex "$tree/Sources" "$tree/Tests/Fuzz" --include='*.swift' || true; } | while read -r file; do
    sed -i 's/\bMutex\b/SeenMutex/g' "$file"
    case $file in
      "$tree"/Sources/Base/*) ;;
      *) grep -q '^import FixresBase' "$file" || sed -i '1i import FixresBase' "$file" ;;
    esac
  done
  cp "$root/Tests/Fuzz/SeenMutex.swift.txt" "$tree/Sources/Base/System/SeenMutex.swift"
fi

swift build --package-path "$tree" --scratch-path "$folder/build" --sanitize="$kind" --product fixresc-fuzz
fuzz=$(swift build --package-path "$tree" --scratch-path "$folder/build" --show-bin-path)/fixresc-fuzz
export FIXRESC_FUZZ_UNLIMITED=1
cd "$folder"
case $kind in
  address)
    # Sanitizers end the process at a report, which the fuzzer then counts as a crash.
    export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1
    "$fuzz" parsers --cases $((20000 * factor)) --seed 5
    "$fuzz" graphs --cases $((200 * factor)) --seed 5
    ;;
  thread)
    export TSAN_OPTIONS=halt_on_error=1:exitcode=66
    "$fuzz" threads --cases $((4 * factor)) --seed 5
    ;;
  *) echo "expected address or thread, found $kind" >&2; exit 2 ;;
esac
