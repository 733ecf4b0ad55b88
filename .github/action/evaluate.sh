#!/usr/bin/env bash
# Run tasks, compare with the base branch, and write a summary; the steps of action.yml call it.
#
# Everything comes in through the environment, so that no input becomes part of a command:
#   INPUT_*                    the inputs of action.yml
#   LM_EVAL_WORK               a folder; base/ in it holds the results of the base branch, if there are any
#   GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_SERVER_URL, GH_TOKEN, PULL_REQUEST
# The exit code is that of the run, or 1 if the gate fails.
set -euo pipefail

marker="<!-- lm-eval: ${INPUT_NAME} -->"
base="${LM_EVAL_WORK}/base" head="${LM_EVAL_WORK}/head" body="${LM_EVAL_WORK}/summary.md"
most=60000 # characters of a comment; GitHub takes 65536
rm -rf "${head}"
mkdir -p "${head}"

# Cut an input into words as a shell does, without running anything in it.
words() {
  python3 -c 'import shlex, sys; sys.stdout.write("".join(word + "\0" for word in shlex.split(sys.argv[1], comments=True)))' "$1"
}

evaluate() {
  local -a more=() tasks=()
  mapfile -d '' -t more < <(words "${INPUT_OPTIONS}")
  mapfile -d '' -t tasks < <(words "${INPUT_TASKS}")
  local -a command=(lm_eval run --output_path "${head}" --log_samples)
  if [[ -n "${INPUT_CONFIG}" ]]; then command+=(--config "${INPUT_CONFIG}"); fi
  if [[ -n "${INPUT_MODEL}" ]]; then command+=(--model "${INPUT_MODEL}"); fi
  if [[ -n "${INPUT_MODEL_ARGS}" ]]; then command+=(--model_args "${INPUT_MODEL_ARGS}"); fi
  if ((${#tasks[@]})); then command+=(--tasks "${tasks[@]}"); fi
  "${command[@]}" "${more[@]}"
}

compare() {
  local -a more=()
  mapfile -d '' -t more < <(words "${INPUT_COMPARE_OPTIONS}")
  local -a command=(lm_eval compare "${base}" "${head}" --format markdown --flips 0 --output "${LM_EVAL_WORK}/compared.md")
  if [[ -n "${INPUT_FAIL_IF_WORSE}" ]]; then
    command+=(--fail_if_worse "${INPUT_FAIL_IF_WORSE}" --undecided "${INPUT_UNDECIDED}")
  fi
  "${command[@]}" "${more[@]}" 2>&1
}

# A message that a model or a server wrote must not open a block of its own.
quoted() { tr -d '~' | tail -n 20; }

if [[ -n "${INPUT_API_KEY}" ]]; then export OPENAI_API_KEY="${INPUT_API_KEY}"; fi
ran=0
# With pipefail the status is that of lm_eval.
{ evaluate > "${LM_EVAL_WORK}/table.md"; } 2>&1 | tee "${LM_EVAL_WORK}/log.txt" >&2 || ran=$?

compared=0 verdict="not compared" report=""
rm -f "${LM_EVAL_WORK}/compared.md"
has_results() { compgen -G "$1/*/results_*.json" > /dev/null; }
if ! has_results "${head}"; then
  verdict="no results"
elif has_results "${base}"; then
  report="$(compare)" || compared=$?
  case "${compared}" in
    0) verdict="$([[ -n "${INPUT_FAIL_IF_WORSE}" ]] && echo passed || echo compared)" ;;
    1) verdict="failed" ;;
    *) verdict="not comparable" ;;
  esac
fi

{
  printf '%s\n### %s: ' "${marker}" "${INPUT_NAME}"
  case "${verdict}" in
    passed) echo "no worse than the base branch" ;;
    failed) echo "worse than the base branch, or undecided" ;;
    compared) echo "compared with the base branch" ;;
    "not comparable") echo "cannot be compared with the base branch" ;;
    "no results") echo "the run has no results" ;;
    *) echo "scores" ;;
  esac
  echo
  if [[ "${verdict}" == "not compared" ]]; then
    printf 'There are no results of the base branch to compare with.\n\n'
  elif [[ "${verdict}" == "not comparable" ]]; then
    printf '~~~\n%s\n~~~\n\n' "$(quoted <<< "${report}")"
  elif [[ -f "${LM_EVAL_WORK}/compared.md" ]]; then
    printf 'A is the base branch, B this change.\n\n'
    cat "${LM_EVAL_WORK}/compared.md"
    echo
  fi
  if [[ -s "${LM_EVAL_WORK}/table.md" ]]; then
    printf '<details><summary>Scores of this change</summary>\n\n'
    cat "${LM_EVAL_WORK}/table.md"
    printf '\n</details>\n\n'
  fi
  if ((ran)); then
    printf 'lm_eval ended with exit code %d:\n\n~~~\n%s\n~~~\n\n' "${ran}" "$(quoted < "${LM_EVAL_WORK}/log.txt")"
  fi
  printf '[The whole run](%s/%s/actions/runs/%s)\n' "${GITHUB_SERVER_URL}" "${GITHUB_REPOSITORY}" "${GITHUB_RUN_ID}"
} > "${body}"

if (($(wc -m < "${body}") > most)); then
  python3 -c 'import sys; sys.stdout.write(sys.stdin.read()[: int(sys.argv[1])] + "\n\n… cut; the run has the rest.\n")' \
    "${most}" < "${body}" > "${body}.cut"
  mv "${body}.cut" "${body}"
fi
cat "${body}" >> "${GITHUB_STEP_SUMMARY}"

# One comment for each name, which is written anew; a fork's token may not comment, and then the summary has to do.
if [[ "${INPUT_COMMENT}" == "true" && -n "${PULL_REQUEST}" ]]; then
  comments="repos/${GITHUB_REPOSITORY}/issues/${PULL_REQUEST}/comments"
  query=".[] | select(.body | startswith(\"${marker}\")) | .id"
  if ! {
    old="$(gh api --paginate "${comments}" --jq "${query}" | head -n 1)"
    if [[ -n "${old}" ]]; then
      gh api --method PATCH "repos/${GITHUB_REPOSITORY}/issues/comments/${old}" --field "body=@${body}" > /dev/null
    else
      gh api --method POST "${comments}" --field "body=@${body}" > /dev/null
    fi
  }; then
    echo "::warning::The comment could not be written; the summary of the job has it."
  fi
fi

{
  echo "verdict=${verdict}"
  echo "results=${head}"
} >> "${GITHUB_OUTPUT}"
if ((ran)); then exit "${ran}"; fi
if [[ "${verdict}" == "not comparable" ]]; then
  echo "::error::The results cannot be compared with those of the base branch."
  exit "${compared}"
fi
if [[ "${verdict}" == "failed" ]]; then
  echo "::error::The gate failed: see the comparison in the summary."
  exit 1
fi
