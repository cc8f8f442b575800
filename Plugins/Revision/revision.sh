#!/bin/sh
# Writes FOLDER/Revision.swift: the commit of the sources in PACKAGE, and whether they differ from it.
#
#   Plugins/Revision/revision.sh PACKAGE FOLDER
#
# An archive has its commit in `archive-commit` (.gitattributes); a checkout is asked. Where the package is neither, or lies
# in a repository of something else, there is none. The file is left alone where nothing changed, so that nothing is rebuilt.
set -eu
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_COMMON_DIR
cd "$1"

# A build by another user than the owner (in a container) may ask for the commit too.
ask() { git --no-optional-locks -c safe.directory='*' -c core.fsmonitor=false "$@" 2>/dev/null; }

commit=$(cat Plugins/Revision/archive-commit)
modified=false
case $commit in
  *[!0-9a-f]*)
    commit=
    if prefix=$(ask rev-parse --show-prefix) && [ -z "$prefix" ] && head=$(ask rev-parse --verify HEAD); then
      commit=$head
      [ -z "$(ask status --porcelain -- Package.swift Sources Plugins)" ] || modified=true
    fi
    ;;
esac

{
  echo "/// The commit that the sources are of."
  echo "enum Revision {"
  if [ -n "$commit" ]; then
    echo "  static let commit: String? = \"$commit\""
  else
    echo "  static let commit: String? = nil"
  fi
  echo "  static let isModified = $modified"
  echo "}"
} >"$2/Revision.new"
if cmp -s "$2/Revision.new" "$2/Revision.swift"; then
  rm "$2/Revision.new"
else
  mv "$2/Revision.new" "$2/Revision.swift"
fi
