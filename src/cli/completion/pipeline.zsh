#compdef pipeline
# Completion of `pipeline` and `pnpm pipeline` in zsh, as `pipeline completion zsh` prints it.

_pipeline_complete() {
  local first=2
  if [[ ${words[1]:t} == pnpm ]]; then
    while (( first < CURRENT )) && [[ ${words[first]} == (-*|run) ]]; do (( first++ )); done
    if (( first >= CURRENT )) || [[ ${words[first]} != pipeline ]]; then
      [[ -n $_pipeline_pnpm ]] && $_pipeline_pnpm "$@" || _files
      return
    fi
    (( first++ ))
  fi

  local line
  local -a before lines ends ends_said goes_on
  before=("${(@)words[first,CURRENT-1]}")
  lines=("${(@f)$(@PIPELINE@ __complete -- $before "$PREFIX" 2>/dev/null)}")
  for line in $lines; do
    if [[ ${line%%$'\t'*} == *[:=@] ]]; then
      goes_on+=("${line%%$'\t'*}")
    else
      ends+=("${line%%$'\t'*}")
      ends_said+=("${line/$'\t'/  -- }")
    fi
  done
  if (( $#ends + $#goes_on == 0 )); then
    _files
    return
  fi
  (( $#goes_on )) && compadd -S '' -a goes_on
  if [[ $lines == *$'\t'* ]]; then
    compadd -l -d ends_said -a ends
  else
    compadd -a ends
  fi
  return 0
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
# What completes pnpm otherwise goes on doing so.
typeset -g _pipeline_pnpm=${_comps[pnpm]:#_pipeline_complete}
compdef _pipeline_complete pipeline pnpm
