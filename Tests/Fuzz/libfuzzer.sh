#!/usr/bin/env bash
# Builds one libFuzzer target a reader, where the toolchain has libFuzzer: coverage-guided cases beside the seeded ones.
# Usage: Tests/Fuzz/libfuzzer.sh BUILD_FOLDER [NAME ...]; then BUILD_FOLDER/NAME CORPUS_FOLDER
# Without names all readers that `fixresc-fuzz list` prints. Sources are compiled here, as a package has no such flags.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '3p' "${BASH_SOURCE[0]}"; exit 2; }
build=$1
shift
mkdir -p "$build"
build=$(cd "$build" && pwd)

runtime=$(swiftc -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["paths"]["runtimeResourcePath"])')
if [ -z "$(find -L "$runtime/.." -name 'libclang_rt.fuzzer*' -print -quit)" ]; then
  echo "this toolchain has no libFuzzer"
  exit 3
fi

flags=(-swift-version 6 -O -parse-as-library -sanitize=fuzzer,address -package-name fixresc -I "$build" -L "$build")
# Modules from below; each is one object file.
compile() {
  local module=$1 folder=$2
  find "$folder" -name '*.swift' | sort >"$build/$module.sources"
  if [ "$build/$module.o" -nt "$(xargs ls -t <"$build/$module.sources" | head -1)" ]; then return; fi
  echo "compiling $module"
  xargs swiftc "${flags[@]}" -wmo -module-name "$module" -emit-module -emit-module-path "$build/$module.swiftmodule" \
    -c -o "$build/$module.o" <"$build/$module.sources"
}
modules=(FixresBase FixresAssembler FixresIR FixresFormats FixresPasses FixresRuntime FixresImaging FixresMethod)
for module in "${modules[@]}"; do compile "$module" "$root/Sources/${module#Fixres}"; done
compile fixresc "$root/Sources/fixresc"
compile TestSupport "$root/Tests/TestSupport"
compile FixresFuzz "$root/Tests/Fuzz/Cases"

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  mapfile -t names < <(grep -rhoE 'FuzzFormat\($|FuzzFormat\("[a-z]+"' "$root/Tests/Fuzz/Cases" | grep -oE '"[a-z]+"' | tr -d '"' | sort -u)
fi
for name in "${names[@]}"; do
  cat >"$build/$name.swift" <<SWIFT
import FixresBase
import FixresFuzz

private let format = FuzzFormat.named("$name")

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Bytes(Array(UnsafeBufferPointer(start: start, count: count)))
  if case .wrong(let text)? = format?.read(bytes) { fatalError(text) }
  return 0
}
SWIFT
  swiftc "${flags[@]}" -o "$build/$name" "$build/$name.swift" "$build"/{FixresBase,FixresAssembler,FixresIR,FixresFormats,FixresPasses,FixresRuntime,FixresImaging,FixresMethod,fixresc,TestSupport,FixresFuzz}.o
  echo "$build/$name"
done
