# Sourced by library.sh and executable.sh: what both build with, so that they share one compilation.
#
# What is built does not depend on the folder, but for one thing: the compiler notes the length of the path, though never the
# path, of source files that call `withoutActuallyEscaping`. Names of source files are relative to the root and there is no
# debug information. FIXRESC_SCRATCH names another folder for what the compiler leaves.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=${FIXRESC_SCRATCH:-$root/.build/library}
# shellcheck disable=SC2034  # used by who sources this
version=$(sed -n 's/.*static let number = "\(.*\)"/\1/p' "$root/Sources/fixresc/Version.swift")

# shellcheck disable=SC2034  # used by who sources this
build=(
  swift build -c release --package-path "$root" --scratch-path "$scratch" -debug-info-format none
  -Xswiftc -static-stdlib -Xswiftc -use-ld=lld -Xswiftc -DSTATIC_EXECUTABLE
  -Xswiftc -file-prefix-map -Xswiftc "$root=."
  # Else each object holds a hash of what the compiler was given, absolute paths included.
  -Xswiftc -Xfrontend -Xswiftc -disable-incremental-llvm-codegen
)
