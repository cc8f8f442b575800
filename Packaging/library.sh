#!/usr/bin/env bash
# Builds the C library into a folder: lib/libfixresc.so.0, include/fixresc.h, pkg-config and CMake files.
#
#   Packaging/library.sh FOLDER
#
# The Swift runtime is linked in, and only the functions of fixresc.h are exported.
set -euo pipefail
# shellcheck source=Packaging/build.sh
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"
[ $# -eq 1 ] || { echo "usage: Packaging/library.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
cd "$root"

"${build[@]}" --product fixresc-shared \
  -Xlinker --version-script="$root/Sources/C/exports.map" -Xlinker -soname=libfixresc.so.0 -Xlinker -s
built=$("${build[@]}" --show-bin-path)/libfixresc-shared.so

install -D -m 755 "$built" "$target/lib/libfixresc.so.$version"
ln -sf "libfixresc.so.$version" "$target/lib/libfixresc.so.0"
ln -sf libfixresc.so.0 "$target/lib/libfixresc.so"
install -D -m 644 Sources/C/fixresc.h "$target/include/fixresc.h"

mkdir -p "$target/lib/pkgconfig" "$target/lib/cmake/fixresc"
cat >"$target/lib/pkgconfig/fixresc.pc" <<PC
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: fixresc
Description: Adapts trained ResNets to their test resolution and runs them
Version: $version
Libs: -L\${libdir} -lfixresc
Cflags: -I\${includedir}
PC
cat >"$target/lib/cmake/fixresc/fixrescConfig.cmake" <<'CMAKE'
get_filename_component(_fixresc_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET fixresc::fixresc)
  add_library(fixresc::fixresc SHARED IMPORTED)
  set_target_properties(fixresc::fixresc PROPERTIES
    IMPORTED_LOCATION "${_fixresc_prefix}/lib/libfixresc.so.0"
    IMPORTED_SONAME "libfixresc.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${_fixresc_prefix}/include")
endif()
CMAKE
cat >"$target/lib/cmake/fixresc/fixrescConfigVersion.cmake" <<CMAKE
set(PACKAGE_VERSION "$version")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
CMAKE
echo "$target/lib/libfixresc.so.$version"
