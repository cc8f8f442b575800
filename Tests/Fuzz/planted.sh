#!/usr/bin/env bash
# Shows that the fuzzer finds planted faults: a trap, a hang, a read beyond a file and an overlap in a plan, each within CASES cases.
# Usage: Tests/Fuzz/planted.sh [path of fixresc-fuzz]   (default: .build/release/fixresc-fuzz)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tool=${1:-.build/release/fixresc-fuzz}
cases=${CASES:-1000000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The fault, the command that must find it, and how its line must read.
find_fault() {
  local fault=$1 expected=$2
  shift 2
  if FIXRESC_FUZZ_PLANT=$fault "$tool" "$@" --cases "$cases" --seed 1 --stop --failures "$folder" >"$folder/table" 2>"$folder/log"; then
    echo "the planted $fault was not found"
    exit 1
  fi
  grep -m 1 FAILED "$folder/log"
  grep -q "FAILED.*$expected" "$folder/log" || { echo "the planted $fault was found as something else"; exit 1; }
}

find_fault trap signal parsers --only png
find_fault hang hang parsers --only exif
find_fault overread signal parsers --only json
find_fault overlap wrong graphs
echo "all four found"
