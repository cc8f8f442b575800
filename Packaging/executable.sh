#!/usr/bin/env bash
# Builds the command line as one static executable, which needs no other file of the system:
#
#   Packaging/executable.sh FILE
set -euo pipefail
# shellcheck source=Packaging/build.sh
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"
[ $# -eq 1 ] || { echo "usage: Packaging/executable.sh FILE" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
target=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")

"${build[@]}" --product fixresc
# Linked once more, as the package manager would after compiling everything anew for `-static-executable`; the modules'
# objects are the same either way.
built=$("${build[@]}" --show-bin-path)
cd "$root"
swiftc -static-executable -use-ld=lld -module-name fixresc -emit-executable "@$built/fixresc.product/Objects.LinkFileList" \
  -Xlinker --gc-sections -Xlinker --defsym -Xlinker main=fixresc_main_main -Xlinker -s -o "$target" \
  2> >(grep -v "Using 'dlopen' in statically linked" >&2 || true)
echo "$target"
