#!/usr/bin/env bash
# Builds the Swift examples as somebody else's package does, which depends on this one by URL and version tag.
#
#   Examples/by_tag.sh FOLDER
#
# FOLDER gets a bare clone of this repository whose HEAD has the version's tag, and a copy of Examples/Swift that depends on
# it. The last line is the folder of the programs. Nothing of what is not committed is in them.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ $# -eq 1 ] || { sed -n '4p' "${BASH_SOURCE[0]}" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
version=$(sed -n 's/.*static let number = "\(.*\)"/\1/p' "$root/Sources/fixresc/Version.swift")

# SwiftPM takes a version that it has seen to be the same commit for ever.
rm -rf "$folder"/{fixresc.git,package,security,build/repositories,build/checkouts,build/workspace-state.json}
git clone --quiet --bare "$root" "$folder/fixresc.git"
git -C "$folder/fixresc.git" tag --force "$version" HEAD >/dev/null
cp -r "$root/Examples/Swift" "$folder/package"
sed -i.before "s|\.package([^)]*path: *\"[^\"]*\")|.package(url: \"file://$folder/fixresc.git\", exact: \"$version\")|" \
  "$folder/package/Package.swift"
grep -q "exact: \"$version\"" "$folder/package/Package.swift" || { echo "no dependency was replaced" >&2; exit 1; }

# What SwiftPM remembers of packages stays in FOLDER.
build=(--package-path "$folder/package" --scratch-path "$folder/build" --disable-dependency-cache
  --security-path "$folder/security" --config-path "$folder/config" -c release)
swift build "${build[@]}" >&2
grep -q '"version" : "'"$version"'"' "$folder/package/Package.resolved" || { echo "not built by its version" >&2; exit 1; }
swift build "${build[@]}" --show-bin-path
