#!/usr/bin/env bash
# Checks Plugins/Revision/revision.sh, which gives `--version` its commit, in every way that sources come.
#
#   Tests/Structure/revision.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CEILING_DIRECTORIES=$folder
git() { command git -c user.name=test -c user.email=test@localhost -c init.defaultBranch=main -c protocol.file.allow=always "$@"; }

# A package of the same shape, so that this checkout's own state does not matter.
package=$folder/package
mkdir -p "$package/Sources" "$folder/out"
cp -r "$root/Plugins" "$root/.gitattributes" "$root/Package.swift" "$package"
# shellcheck disable=SC2016
printf '$Format:%%H$\n' >"$package/Plugins/Revision/archive-commit"
echo 1 >"$package/Sources/a.swift"

check() { # NAME PACKAGE COMMIT|nil MODIFIED
  "$2/Plugins/Revision/revision.sh" "$2" "$folder/out"
  local commit=$3
  [ "$commit" = nil ] || commit="\"$commit\""
  grep -qF "commit: String? = $commit" "$folder/out/Revision.swift" \
    && grep -qF "isModified = $4" "$folder/out/Revision.swift" || {
      printf '%s: expected %s, modified %s, found\n' "$1" "$3" "$4"
      cat "$folder/out/Revision.swift"
      exit 1
    }
  echo "ok  $1"
}

check "a folder without git" "$package" nil false
git -C "$package" init -q
check "a repository without a commit" "$package" nil false
git -C "$package" add .
git -C "$package" commit -qm one
commit=$(git -C "$package" rev-parse HEAD)
check "a checkout" "$package" "$commit" false
cp -p "$folder/out/Revision.swift" "$folder/first"
check "a checkout again" "$package" "$commit" false
[ ! "$folder/out/Revision.swift" -nt "$folder/first" ] || { echo "an unchanged file was written again"; exit 1; }

echo 2 >"$package/Sources/a.swift"
check "a changed source" "$package" "$commit" true
git -C "$package" checkout -q Sources
echo 1 >"$package/Sources/b.swift"
check "a source that git does not know" "$package" "$commit" true
rm "$package/Sources/b.swift"
echo text >"$package/notes.txt"
check "a file that is no source" "$package" "$commit" false

git clone -q "$package" "$folder/clone"
check "a clone" "$folder/clone" "$commit" false
git -C "$package" worktree add -q "$folder/worktree" --detach
check "a worktree" "$folder/worktree" "$commit" false

mkdir "$folder/archive"
git -C "$package" archive HEAD | tar -x -C "$folder/archive"
check "an archive" "$folder/archive" "$commit" false
git init -q "$folder/other"
git -C "$folder/other" commit -q --allow-empty -m other
cp -r "$folder/archive" "$folder/other/vendored"
check "an archive in another repository" "$folder/other/vendored" "$commit" false
cp -r "$folder/clone" "$folder/other/copied"
rm -rf "$folder/other/copied/.git"
check "a copy in another repository" "$folder/other/copied" nil false
