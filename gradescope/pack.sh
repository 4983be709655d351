#!/usr/bin/env bash
# Makes the zip that is uploaded as Gradescope's autograder: the handout, so that no solution is in
# the image, with the points and the two scripts.
set -euo pipefail

if [ $# -ne 1 ]; then
  echo "usage: gradescope/pack.sh AUTOGRADER.zip" >&2
  exit 2
fi
zip=$(realpath -m "$1")
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cargo lab handout "$folder/tree" --no-proof
cp grading.toml "$folder/tree/"
mkdir -p "$folder/tree/gradescope"
cp gradescope/setup.sh gradescope/run_autograder "$folder/tree/"
rm -f "$zip"
(cd "$folder/tree" && python3 -m zipfile -c "$zip" $(ls -A))
echo "wrote $zip"
