#!/usr/bin/env bash
# Shows that the portable kernels compute in place: no code of FixresRuntime in BINARY, a release build, goes through the
# table of `ElementwiseVector`, whose functions lie in another module (a call for every four floats).
#
#   Tests/Structure/portable_arithmetic.sh BINARY
set -euo pipefail
objdump=$(command -v objdump || command -v llvm-objdump || true)
if [ -z "$objdump" ] || [ "$(uname -m)" != x86_64 ]; then
  echo "skipped: needs objdump and x86-64"
  exit 0
fi
listing=$(mktemp)
trap 'rm -f "$listing"' EXIT
"$objdump" -d --no-show-raw-insn "$1" >"$listing"
grep -q '^[0-9a-f]* <$s13FixresRuntime13BroadcastStepV' "$listing" || { echo "$1 has no symbols of the portable kernels"; exit 1; }
calls=$(awk '/^[0-9a-f]+ <.*>:$/ { within = $2 } /call|jmp/ && /17ElementwiseVector/ && within ~ /13FixresRuntime/ { print within }' "$listing")
if [ -n "$calls" ]; then
  printf 'portable kernels call another module for their arithmetic:\n%s\n' "$calls"
  exit 1
fi
