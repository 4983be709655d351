#!/usr/bin/env bash
# Runs the two scripts in a folder laid out like Gradescope's: try.sh SUBMISSION [FOLDER]. With a
# FOLDER of its own the build is kept for the next time.
set -euo pipefail

if [ $# -lt 1 ]; then
  echo "usage: gradescope/try.sh SUBMISSION [FOLDER]" >&2
  exit 2
fi
submission=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
folder=${2:-$(mktemp -d)}
mkdir -p "$folder/results"
folder=$(realpath "$folder")
export AUTOGRADER_ROOT=$folder

if [ ! -d "$folder/source" ]; then
  "$here/pack.sh" "$folder/autograder.zip"
  mkdir "$folder/source"
  python3 -m zipfile -e "$folder/autograder.zip" "$folder/source"
  cp "$folder/source/run_autograder" "$folder/"
  bash "$folder/source/setup.sh"
fi
rm -rf "$folder/submission"
mkdir "$folder/submission"
cp -r "$submission"/. "$folder/submission/"
bash "$folder/run_autograder"
echo "results: $folder/results/results.json"
