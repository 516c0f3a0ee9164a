#include "app/completion.hpp"

namespace sluice::app {

std::string completion_script() {
  return R"(_sluice() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local plan="--set --allow-unknown-keys --errors --help"
  local load="--results --journal --json --progress --progress-interval --workers --concurrency --duration --seed --cpus --only --skip"
  local sure="--yes-delete-foreign --yes-overwrite-device"
  case $before in
    --progress) COMPREPLY=($(compgen -W "auto tty plain json none" -- "$word")); return ;;
    --errors) COMPREPLY=($(compgen -W "long short" -- "$word")); return ;;
    --results) COMPREPLY=($(compgen -d -- "$word")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "run validate cleanup results completion --help --version" -- "$word")); return
  fi
  case $command in
    run) [[ $word == -* ]] && COMPREPLY=($(compgen -W "$load $plan $sure" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    validate) [[ $word == -* ]] && COMPREPLY=($(compgen -W "--json $plan" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    cleanup) [[ $word == -* ]] && COMPREPLY=($(compgen -W "--results --concurrency --progress --yes-delete-foreign $plan" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    results) [ "$COMP_CWORD" -eq 2 ] && COMPREPLY=($(compgen -W "rebuild" -- "$word")) || COMPREPLY=($(compgen -d -- "$word")) ;;
    completion) COMPREPLY=($(compgen -W "bash" -- "$word")) ;;
  esac
}
complete -o filenames -F _sluice sluice
)";
}

}  // namespace sluice::app
