#!/usr/bin/env bash
# Pictures a second, on one thread, of the library in a debug build of an app, and of the two ways out.
#
#   Benchmarks/debug_builds.sh FOLDER [MODEL.bin PICTURE]
#
# FOLDER keeps the builds: a debug build, one with -Xswiftc -O, libfixresc with a debug build of an app over it, and a
# release build for comparison.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -ge 1 ] || { sed -n '4p' "${BASH_SOURCE[0]}" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
model=${2:-Models/resnet18w32-imagenette-r112.bin}
picture=${3:-Models/sample/golf-ball.jpg}

# NAME OPTION...: a build of the benchmark with options of `swift build`.
measured() {
  local name=$1 build=(--scratch-path "$folder/${1// /-}" "${@:2}")
  swift build "${build[@]}" --product classifier-bench >&2
  printf '%s: ' "$name"
  "$(swift build "${build[@]}" --show-bin-path)/classifier-bench" "$model" "$picture" 1 call
}

measured "debug" -c debug
measured "debug with -O" -c debug -Xswiftc -O
FIXRESC_SCRATCH=$folder/library-build Packaging/library.sh "$folder/library" >&2
export PKG_CONFIG_PATH=$folder/library/lib/pkgconfig LD_LIBRARY_PATH=$folder/library/lib
swift build --package-path Benchmarks/Prebuilt --scratch-path "$folder/prebuilt" >&2
printf 'debug with libfixresc: '
"$(swift build --package-path Benchmarks/Prebuilt --scratch-path "$folder/prebuilt" --show-bin-path)/prebuilt" "$model" "$picture"
measured "release" -c release
