# Completion of `pipeline` and `pnpm pipeline` in bash, as `pipeline completion bash` prints it.

_pipeline_complete() {
  # Bash splits at : = @ as well, which targets hold: put together what no space separates.
  local rest=${COMP_LINE:0:COMP_POINT} piece at=-1
  local -a words=()
  COMPREPLY=()
  for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if ((at < 0)) || [[ $rest == [[:space:]]* ]]; then
      rest=${rest#"${rest%%[![:space:]]*}"}
      at=$((at + 1))
      words[at]=
    fi
    [[ $rest == "$piece"* ]] || piece=$rest # the cursor stands inside
    words[at]+=$piece
    rest=${rest:${#piece}}
  done

  local first=1
  if [[ ${words[0]##*/} == pnpm ]]; then
    while ((first < at)) && [[ ${words[first]} == -* || ${words[first]} == run ]]; do
      first=$((first + 1))
    done
    if ((first >= at)) || [[ ${words[first]} != pipeline ]]; then
      if [[ -n $_pipeline_pnpm ]]; then "$_pipeline_pnpm" "$@"; fi
      return
    fi
    first=$((first + 1))
  fi

  # Bash puts in only what follows the last of its separators.
  local word=${words[at]} separators= separator tail line
  for separator in : = @; do
    [[ $COMP_WORDBREAKS == *"$separator"* ]] && separators+=$separator
  done
  tail=$word
  [[ -n $separators ]] && tail=${word##*[$separators]}
  local head=${word:0:${#word}-${#tail}}

  while IFS= read -r line; do
    line=${line%%$'\t'*}
    [[ $line == *[:=@] ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("${line#"$head"}")
  done < <(@PIPELINE@ __complete -- "${words[@]:first}" 2>/dev/null)
}

# What completes pnpm otherwise goes on doing so.
_pipeline_pnpm=$(complete -p pnpm 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
[[ $_pipeline_pnpm == _pipeline_complete ]] && _pipeline_pnpm=
complete -o bashdefault -o default -F _pipeline_complete pipeline pnpm
